package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// machineAge is when an instance and a row are compared: a launch is under way
	// before.
	machineAge = time.Minute
	// exitedAgain is the pause between two hints to one workflow: it may be asking a
	// provider that does not answer.
	exitedAgain = time.Minute
	// listMost bounds one list: a provider that hangs keeps nobody else from being looked at.
	listMost = time.Minute
)

// machines compares what the providers have with the rows, both ways, and notes what came
// of it. One whose list fails keeps no other from being compared.
func (r *Reaper) machines(ctx context.Context) error {
	var errs error
	m := matching{Reaper: r, hints: map[fleet.GUID]time.Time{}}
	if r.strays == nil {
		r.strays = map[fleet.ProviderKind]map[fleet.Key]bool{}
	}
	for kind, provider := range r.Machines.Providers {
		c, err := m.compare(ctx, kind, provider)
		if err != nil {
			err = fmt.Errorf("compare with %s: %w", kind, err)
		}
		errs = errors.Join(errs, err)
		if err := r.Control.Compared(ctx, c); err != nil {
			errs = errors.Join(errs, fmt.Errorf("note the comparison with %s: %w", kind, err))
		}
	}
	r.hinted = m.hints
	return errs
}

// matching is one comparison with all providers.
type matching struct {
	*Reaper
	hints map[fleet.GUID]time.Time
}

// compare compares one provider. The list is read before the rows: a row is reserved
// before its launch, so that what is in the list and in no row has no launch to come.
func (m matching) compare(
	ctx context.Context, kind fleet.ProviderKind, p fleet.Provider,
) (fleet.Comparison, error) {
	c := fleet.Comparison{Provider: kind}
	list, err := m.list(ctx, p)
	if err != nil { // nothing is concluded from a part
		c.Error = err.Error()
		return c, err
	}
	rows, err := m.Control.Crawlers(ctx, "")
	if err != nil {
		c.Error = "the control store does not answer"
		return c, fmt.Errorf("list the crawlers: %w", err)
	}
	c.Instances = len(list)
	live := map[fleet.GUID]bool{}
	var errs error
	for _, row := range rows {
		live[row.GUID] = true
		i, there := list[row.GUID]
		if row.Provider == kind && m.launched(row) && (!there || i.Phase == fleet.PhaseExited) {
			c.Leftovers = append(c.Leftovers, fleet.Leftover{
				Provider: kind, Kind: fleet.LeftoverMissing, Tenant: row.Tenant, GUID: row.GUID,
				Offering: row.Offering, Address: row.Address,
			})
			errs = errors.Join(errs, m.exited(ctx, row))
		}
	}
	again := map[fleet.Key]bool{}
	for _, i := range list {
		if live[i.GUID] || i.Phase == fleet.PhaseExited || m.now().Sub(i.CreatedAt) < machineAge {
			continue
		}
		left, err := m.orphan(ctx, p, i, m.strays[kind][i.Key])
		errs = errors.Join(errs, err)
		if left {
			again[i.Key] = true
			c.Leftovers = append(c.Leftovers, fleet.Leftover{
				Provider: kind, Kind: fleet.LeftoverOrphan, Tenant: i.Tenant, GUID: i.GUID,
				Offering: i.Offering, ProviderID: i.ProviderID, Address: i.Address, Created: i.CreatedAt,
			})
		}
	}
	m.strays[kind] = again
	return c, errs
}

// list reads a provider's whole list; what is another fleet's is none of our business.
func (m matching) list(ctx context.Context, p fleet.Provider) (map[fleet.GUID]fleet.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, listMost)
	defer cancel()
	list := map[fleet.GUID]fleet.Instance{}
	for i, err := range p.List(ctx, fleet.Filter{Fleet: m.Machines.Fleet}) {
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		if i.Fleet == m.Machines.Fleet {
			list[i.GUID] = i
		}
	}
	return list, nil
}

// launched reports whether the provider must have a row's crawler: it was accepted some
// time ago, and nobody stops it.
func (m matching) launched(row fleet.CrawlerRow) bool {
	switch row.State {
	case fleet.CrawlerStarting, fleet.CrawlerServing, fleet.CrawlerDraining:
		return !row.Times.Launched.IsZero() && m.now().Sub(row.Times.Launched) >= machineAge
	default:
		return false
	}
}

// exited hints a crawler's workflow that the provider has it no more. It asks itself.
func (m matching) exited(ctx context.Context, row fleet.CrawlerRow) error {
	if at, ok := m.hinted[row.GUID]; ok && time.Since(at) < exitedAgain {
		m.hints[row.GUID] = at
		return nil
	}
	id := fleet.CrawlerWorkflowID(row.Tenant, row.GUID)
	err := m.Courier.signal(ctx, id, fleet.SignalExited, nil)
	if notFound(err) {
		return nil // without a workflow it is the crawlers' cure
	}
	if err != nil {
		return fmt.Errorf("tell %s: %w", id, err)
	}
	m.hints[row.GUID] = time.Now()
	m.Log.Info("a crawler is not at its provider any more", zap.String("guid", string(row.GUID)))
	m.Count.add(CountedCure, CureExited)
	return nil
}

// orphan looks at what runs, costs money and is in no live row, and reports whether it is
// left over. What was so in the comparison before is stopped; the next one sees whether it
// is gone. One whose workflow runs is that one's to stop, with its grace.
func (m matching) orphan(
	ctx context.Context, p fleet.Provider, i fleet.Instance, twice bool,
) (left bool, err error) {
	runs, err := runs(ctx, m.Temporal, fleet.CrawlerWorkflowID(i.Tenant, i.GUID))
	if runs || err != nil {
		return false, err // nothing is concluded where Temporal does not answer
	}
	if !twice {
		m.Log.Warn("a crawler runs that no row knows of", zap.String("guid", string(i.GUID)),
			zap.String("provider", string(p.Kind())), zap.String("tenant", string(i.Tenant)))
		return true, nil
	}
	if err := stop(ctx, p, i.Key); err != nil && fleet.ClassOf(err) != fleet.ClassNotFound {
		return true, fmt.Errorf("stop %s: %w", i.GUID, err)
	}
	m.Count.add(CountedCure, CureOrphan)
	return true, nil
}
