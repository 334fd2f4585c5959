package nomad

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// markLife is how long a mark without a job still means a launch that is under way. The
// tries of one launch end before; after that its job has been there, and was removed.
const markLife = 15 * time.Minute

// keepEnded is how long the mark of an ended crawler stays that nobody purges: longer
// than any call for it may still be under way. What launches later than that meets no
// mark, makes one, and is refused by the control side: a GUID has one life there.
const keepEnded = 48 * time.Hour

// The items of a mark, besides the secret part of the environment while it lives. Its
// own names begin so that the specification's template passes them over.
const (
	itemTenant   = "crawl_tenant"
	itemOffering = "crawl_offering"
	itemAddress  = "crawl_address"
	itemCreated  = "crawl_created"
	itemEnded    = "crawl_ended"
	itemExit     = "crawl_exit"
	itemReason   = "crawl_reason"
)

// markPath is readable by the job of that name, and by no other.
func markPath(k fleet.Key) string { return "nomad/jobs/" + jobID(k) }

// mark is what the variable of a crawler says.
type mark struct {
	variable *api.Variable
	key      fleet.Key
}

// readMark gives the mark of a key; nil if there is none. That of another tenant is a
// conflict.
func (p *Provider) readMark(ctx context.Context, op string, k fleet.Key) (*mark, error) {
	if k.GUID.Validate() != nil {
		return nil, nil // also keeps paths inside
	}
	v, err := p.cluster.variable(ctx, markPath(k))
	if err != nil {
		return nil, refusal(op, fmt.Errorf("read the mark of %s: %w", k.GUID, err))
	}
	if v == nil {
		return nil, nil
	}
	if v.Items[itemTenant] != string(k.Tenant) {
		return nil, conflict(op, k)
	}
	return &mark{variable: v, key: k}, nil
}

// writeMark writes the mark of a launch: over the one that was read, or where there was
// none. It reports false if somebody else has written meanwhile.
func (p *Provider) writeMark(ctx context.Context, s fleet.Spec, over *mark) (bool, error) {
	v := &api.Variable{
		Namespace: p.cluster.namespace, Path: markPath(s.Key),
		Items: api.VariableItems{
			itemTenant: string(s.Tenant), itemOffering: string(s.Offering),
			fleet.EnvToken: s.Token.Reveal(),
		},
	}
	for name, value := range p.secrets {
		v.Items[name] = value.Reveal()
	}
	if over != nil {
		v.ModifyIndex = over.variable.ModifyIndex
	}
	done, err := p.cluster.setVariable(ctx, v)
	if err != nil {
		return false, refusal(opLaunch, fmt.Errorf("write the mark of %s: %w", s.GUID, err))
	}
	return done, nil
}

// bury writes over a mark how its crawler ended. From then on nothing of this GUID can
// start. Repeated it changes nothing.
func (p *Provider) bury(ctx context.Context, op string, i fleet.Instance) error {
	for range tries {
		m, err := p.readMark(ctx, op, i.Key)
		if err != nil || m != nil && m.ended() {
			return err
		}
		v := &api.Variable{Namespace: p.cluster.namespace, Path: markPath(i.Key), Items: epitaph(i)}
		if m != nil {
			v.ModifyIndex = m.variable.ModifyIndex
		}
		done, err := p.cluster.setVariable(ctx, v)
		if err != nil {
			return refusal(op, fmt.Errorf("mark %s as ended: %w", i.GUID, err))
		}
		if done {
			return nil
		}
	}
	return failure(op, fleet.ClassRetryable, fmt.Errorf("mark %s as ended: %w", i.GUID, errBusy))
}

// errBusy is for a mark that others write all the time.
var errBusy = errors.New("others are at it")

func epitaph(i fleet.Instance) api.VariableItems {
	items := api.VariableItems{
		itemTenant: string(i.Tenant), itemOffering: string(i.Offering), itemAddress: i.Address,
		itemCreated: i.CreatedAt.Format(time.RFC3339Nano),
		itemEnded:   i.EndedAt.Format(time.RFC3339Nano), itemReason: i.Reason,
	}
	if i.ExitCode != nil {
		items[itemExit] = strconv.Itoa(*i.ExitCode)
	}
	return items
}

func (m *mark) ended() bool { return m.variable.Items[itemEnded] != "" }

// stale reports a mark whose launch is long over.
func (m *mark) stale(now time.Time) bool {
	return now.Sub(time.Unix(0, m.variable.ModifyTime)) > markLife
}

// instance is the ended crawler that the mark tells of.
func (m *mark) instance() fleet.Instance {
	items := m.variable.Items
	i := fleet.Instance{
		Key: m.key, Offering: fleet.OfferingID(items[itemOffering]), ProviderID: jobID(m.key),
		Phase: fleet.PhaseExited, Reason: items[itemReason], Address: items[itemAddress],
	}
	// A time or a code that cannot be read is not known; nobody but bury writes them.
	i.CreatedAt, _ = time.Parse(time.RFC3339Nano, items[itemCreated])
	i.EndedAt, _ = time.Parse(time.RFC3339Nano, items[itemEnded])
	if code, err := strconv.Atoi(items[itemExit]); err == nil {
		i.ExitCode = &code
	}
	return i
}
