package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Decide goes through the waiting tickets in their order and gives each a free
// slot, a slot of a crawler that is on its way, a crawler to start, or the reason
// why it waits. The same state gives the same decisions, in whatever order its
// lists are.
func Decide(s State) Decisions {
	s.Unplaced = maps.Clone(s.Unplaced) // starts are counted in it
	v := newView(s)
	out := Decisions{
		Drains: v.drains(),
		Grants: map[fleet.TicketID]fleet.GUID{},
		Waits:  map[fleet.TicketID]fleet.Wait{},
		Fails:  map[fleet.TicketID]*fleet.Error{},
	}
	for _, d := range Order(s.Waiting) {
		j := v.judge(d)
		switch {
		case j.fail != nil:
			out.Fails[d.Ticket] = j.fail
		case j.wait != nil:
			out.Waits[d.Ticket] = *j.wait
			out.Unmet++
			out.wake(*j.wait)
		case j.host.free > 0:
			v.take(j.host, d)
			out.Grants[d.Ticket] = j.host.GUID
		default:
			v.take(j.host, d)
			out.Waits[d.Ticket] = fleet.Wait{Code: fleet.WaitStarting, Message: underWay(j)}
		}
	}
	out.Starts = v.starts
	out.Reason = out.summary(len(s.Waiting))
	return out
}

func underWay(j verdict) string {
	if j.host.start < 0 {
		return j.reason
	}
	return "a crawler is being started for it at " + string(j.host.Offering)
}

// wake keeps the earliest end of a cool-down that a ticket waits for.
func (d *Decisions) wake(w fleet.Wait) {
	if w.Until.IsZero() || !d.Wake.Until.IsZero() && !w.Until.Before(d.Wake.Until) {
		return
	}
	d.Wake = w
}

func (d *Decisions) summary(waiting int) string {
	starting := 0
	for _, w := range d.Waits {
		if w.Code == fleet.WaitStarting {
			starting++
		}
	}
	out := fmt.Sprintf("%d waiting: %d granted, %d on crawlers that are coming (%d to start), %d unmet",
		waiting, len(d.Grants), starting, len(d.Starts), d.Unmet)
	if len(d.Fails) > 0 {
		out += fmt.Sprintf(", %d cannot be served", len(d.Fails))
	}
	if len(d.Drains) > 0 {
		out += fmt.Sprintf("; %s over the plan drained", count(len(d.Drains), "crawler"))
	}
	return out
}

// drains takes the crawlers that the plan does not allow out of the view: those
// with the fewest leases, the last ones by GUID; all but a proof, which serves nobody,
// where nothing of the tenant may run.
func (v *view) drains() []fleet.GUID {
	var active []*host
	stopped := Stopped(v.s.Tenant) != nil
	for _, h := range v.hosts {
		if (h.State == fleet.CrawlerServing || starting(h.State)) && !(stopped && h.Proof) {
			active = append(active, h)
		}
	}
	over := len(active) - v.s.Tenant.Plan.MaxCrawlers
	if stopped {
		over = len(active)
	}
	if over <= 0 {
		return nil
	}
	slices.SortFunc(active, func(a, b *host) int {
		return cmp.Or(cmp.Compare(a.Leased, b.Leased), cmp.Compare(b.GUID, a.GUID))
	})
	var out []fleet.GUID
	for _, h := range active[:over] {
		h.State, h.free, h.coming = fleet.CrawlerDraining, 0, 0
		out = append(out, h.GUID)
	}
	return out
}

// Cheapest finds the place for a crawler that no ticket asks for: the proof of a
// provisioning. Without one it says what to wait for.
func Cheapest(s State) (fleet.Offering, *fleet.Wait) {
	v := newView(s)
	var passed []string
	for _, p := range v.places {
		why := v.closed(p)
		if why == "" {
			return p.Offering, nil
		}
		passed = append(passed, fmt.Sprintf("%s is %s", p.ID, why))
	}
	return fleet.Offering{}, v.shut(Demand{}, want{}, passed)
}
