package controltest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// testTogether routes and records from many goroutines: never over the slots, never
// over the plan, and nobody is left behind.
func testTogether(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 3, MaxSlots: 5})
	for i := range 4 {
		r.route(ticket("acme", fleet.TicketID(fmt.Sprint("warm", i))))
	}
	for _, in := range r.decide("acme").Starts {
		r.serve(in)
	}
	for i := range 4 {
		r.record(r.leased(ticket("acme", fleet.TicketID(fmt.Sprint("warm", i)))))
	}
	const goroutines, each = 16, 8
	granted := make(map[fleet.TicketID]chan struct{})
	for g := range goroutines {
		for i := range each {
			granted[together(g, i)] = make(chan struct{}, goroutines*each)
		}
	}
	tell := func(f fleet.Follow) {
		for _, g := range f.Grants {
			granted[g.Ticket] <- struct{}{}
		}
	}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				if err := r.runTicket(together(g, i), granted[together(g, i)], tell); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, c := range must(r.Crawlers(r.ctx, "acme"))(t) {
		require.Zero(t, c.Leased)
	}
	require.Empty(t, must(r.OpenTickets(r.ctx, "acme"))(t))
}

func together(g, i int) fleet.TicketID { return fleet.TicketID(fmt.Sprintf("g%d-%d", g, i)) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

// runTicket is a ticket's life as its workflow leads it.
func (r *rig) runTicket(id fleet.TicketID, granted <-chan struct{}, tell func(fleet.Follow)) error {
	for {
		a, err := r.Route(r.ctx, ticket("acme", id))
		if err != nil {
			return err
		}
		if a.Kind == fleet.RouteWait {
			select {
			case <-granted:
			case <-time.After(lostAfter):
				return fmt.Errorf("ticket %s waits for %s and nobody tells it", id, a.Wait.Code)
			}
			continue
		}
		if err := r.within(); err != nil {
			return err
		}
		rec, err := r.Record(r.ctx, done(*a.Lease))
		if err != nil {
			return err
		}
		tell(rec.Follow)
		return nil
	}
}

// lostAfter is how long no grant can take that is not lost: all tickets together
// take a second.
const lostAfter = time.Minute

// within reports a crawler with more leases than slots, or more leases than the plan.
func (r *rig) within() error {
	leases, err := r.Leases(r.ctx, 0)
	if err != nil {
		return err
	}
	on := map[fleet.GUID]int{}
	for _, l := range leases {
		on[l.GUID]++
		if on[l.GUID] > 3 {
			return fmt.Errorf("%s has more leases than slots", l.GUID)
		}
	}
	if len(leases) > 5 {
		return fmt.Errorf("%d leases, the plan has 5 slots", len(leases))
	}
	return nil
}
