package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Patience is how long a ticket of another tenant that has slots already has waited for
// capacity before a crawler is taken from a tenant that has more than its share:
// several cold starts, so that two tenants that flood the same place change places
// every few seconds and not with every ticket.
const Patience = 5 * time.Second

// Share is how much of a place a tenant has.
type Share struct {
	Tenant  fleet.TenantID
	Weight  int       // of its plan, at least 1
	Slots   int       // in use: tickets that are served now
	Waiting int       // tickets that wait for capacity where the crawler is
	Since   time.Time // when the first of them began to wait
}

// Freed is a slot that has just been given back at a place that is full.
type Freed struct {
	At    time.Time
	Taken time.Time // when the ticket that had it took it
}

// Yield says for whom the crawler of a freed slot is drained: the tenant that is
// served least for its weight and would not, with one slot more, have more than the
// holder has now. It has waited for patience, or has no slot at all and the ticket
// that has just ended was begun after it came: nobody without a slot waits for more
// than two turns of others. The holder's Slots still count the freed one. The empty id
// means that the slot stays with its tenant.
func Yield(
	f Freed, patience time.Duration, holder Share, others []Share,
) (to fleet.TenantID, why string) {
	var best *Share
	for i, o := range others {
		patient := !o.Since.After(f.At.Add(-patience)) || o.Slots == 0 && !f.Taken.Before(o.Since)
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
	return best.Tenant, fmt.Sprintf("another tenant waits for the place: it has %s (weight %d) where this one has %d (weight %d)",
		count(best.Slots, "slot"), weight(*best), holder.Slots, weight(holder))
}

// Ahead reports whether a tenant that waits for capacity comes before another: it is
// served less for its weight.
func Ahead(o, than Share) bool {
	return o.Waiting > 0 && o.Slots*weight(than) < than.Slots*weight(o)
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
