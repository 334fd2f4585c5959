package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Patience is how long a ticket of another tenant has waited for capacity before a
// crawler is taken from a tenant that has more than its share: several cold starts,
// so that two tenants that flood the same place change places every few seconds
// and not with every ticket.
const Patience = 5 * time.Second

// Share is how much of a place a tenant has.
type Share struct {
	Tenant  fleet.TenantID
	Weight  int       // of its plan, at least 1
	Slots   int       // in use: tickets that are served now
	Waiting int       // tickets that wait for capacity where the crawler is
	Since   time.Time // when the first of them began to wait
}

// Yield says for whom a crawler is drained, of whose slots one has just been freed
// at a place that is full: the tenant that is served least for its weight, when it
// has waited for patience and would not, with one slot more, have more than the
// holder has now. The holder's Slots still count the freed one. The empty id means
// that the slot stays with its tenant.
func Yield(
	now time.Time, patience time.Duration, holder Share, others []Share,
) (to fleet.TenantID, why string) {
	var best *Share
	for i, o := range others {
		patient := !o.Since.After(now.Add(-patience))
		if o.Tenant == holder.Tenant || o.Waiting <= 0 || !patient || !lessServed(o, holder) {
			continue
		}
		if best == nil || before(o, *best) {
			best = &others[i]
		}
	}
	if best == nil {
		return "", ""
	}
	return best.Tenant, fmt.Sprintf(
		"%s holds %d slots at weight %d; %s holds %d at weight %d and %d of its tickets wait",
		holder.Tenant, holder.Slots, weight(holder), best.Tenant, best.Slots, weight(*best), best.Waiting)
}

func weight(s Share) int { return max(s.Weight, 1) }

func lessServed(o, holder Share) bool {
	return (o.Slots+1)*weight(holder) <= holder.Slots*weight(o)
}

// before orders by slots for the weight, then by age, then by name.
func before(a, b Share) bool {
	return cmp.Or(
		cmp.Compare(a.Slots*weight(b), b.Slots*weight(a)),
		a.Since.Compare(b.Since),
		cmp.Compare(a.Tenant, b.Tenant),
	) < 0
}
