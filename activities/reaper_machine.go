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
)

// machines compares what the providers have with the rows, both ways.
func (r *Reaper) machines(ctx context.Context) error {
	var errs error
	hinted := map[fleet.GUID]time.Time{}
	for kind, provider := range r.Machines.Providers {
		if err := r.machine(ctx, kind, provider, hinted); err != nil {
			errs = errors.Join(errs, fmt.Errorf("compare with %s: %w", kind, err))
		}
	}
	r.hinted = hinted
	return errs
}

// machine compares one provider. The list is read before the rows: a row is reserved
// before its launch, so that what is in the list and in no row has no launch to come.
func (r *Reaper) machine(
	ctx context.Context, kind fleet.ProviderKind, p fleet.Provider, hinted map[fleet.GUID]time.Time,
) error {
	list := map[fleet.GUID]fleet.Instance{}
	for i, err := range p.List(ctx, fleet.Filter{Fleet: r.Machines.Fleet}) {
		if err != nil {
			return fmt.Errorf("list: %w", err) // nothing is concluded from a part
		}
		if i.Fleet == r.Machines.Fleet {
			list[i.GUID] = i
		}
	}
	rows, err := r.Control.Crawlers(ctx, "")
	if err != nil {
		return fmt.Errorf("list the crawlers: %w", err)
	}
	live := map[fleet.GUID]bool{}
	var errs error
	for _, row := range rows {
		live[row.GUID] = true
		i, there := list[row.GUID]
		if row.Provider == kind && launched(row) && (!there || i.Phase == fleet.PhaseExited) {
			errs = errors.Join(errs, r.exited(ctx, row, hinted))
		}
	}
	for _, i := range list {
		if !live[i.GUID] && i.Phase != fleet.PhaseExited && time.Since(i.CreatedAt) >= machineAge {
			errs = errors.Join(errs, r.orphan(ctx, p, i))
		}
	}
	return errs
}

// launched reports whether the provider must have a row's crawler: it was accepted some
// time ago, and nobody stops it.
func launched(row fleet.CrawlerRow) bool {
	switch row.State {
	case fleet.CrawlerStarting, fleet.CrawlerServing, fleet.CrawlerDraining:
		return !row.Times.Launched.IsZero() && time.Since(row.Times.Launched) >= machineAge
	default:
		return false
	}
}

// exited hints a crawler's workflow that the provider has it no more. It asks itself.
func (r *Reaper) exited(
	ctx context.Context, row fleet.CrawlerRow, hinted map[fleet.GUID]time.Time,
) error {
	if at, ok := r.hinted[row.GUID]; ok && time.Since(at) < exitedAgain {
		hinted[row.GUID] = at
		return nil
	}
	id := fleet.CrawlerWorkflowID(row.Tenant, row.GUID)
	err := r.Courier.signal(ctx, id, fleet.SignalExited, nil)
	if notFound(err) {
		return nil // without a workflow it is the crawlers' cure
	}
	if err != nil {
		return fmt.Errorf("tell %s: %w", id, err)
	}
	hinted[row.GUID] = time.Now()
	r.Log.Info("a crawler is not at its provider any more", zap.String("guid", string(row.GUID)))
	r.Count.add(CountedCure, CureExited)
	return nil
}

// orphan stops what runs, costs money and is in no live row. The next round sees whether
// it is gone. One whose workflow runs is that one's to stop, with its grace.
func (r *Reaper) orphan(ctx context.Context, p fleet.Provider, i fleet.Instance) error {
	if runs, err := runs(ctx, r.Temporal, fleet.CrawlerWorkflowID(i.Tenant, i.GUID)); runs || err != nil {
		return err
	}
	r.Log.Warn("a crawler runs that no row knows of", zap.String("guid", string(i.GUID)))
	if err := p.Stop(ctx, i.Key, fleet.StopOptions{}); err != nil &&
		fleet.ClassOf(err) != fleet.ClassNotFound {
		return fmt.Errorf("stop %s: %w", i.GUID, err)
	}
	r.Count.add(CountedCure, CureOrphan)
	return nil
}
