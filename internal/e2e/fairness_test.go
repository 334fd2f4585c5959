package e2e

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// flood submits so many tickets, and waits until all are accepted and have all the slots.
func (a *Tenant) flood(n, slots int, in fleet.TicketInput) (all []*Ticket) {
	a.t.Helper()
	for i := range n {
		in.ID = fleet.TicketID(fmt.Sprintf("flood-%d", i))
		all = append(all, a.Submit(in))
	}
	for _, k := range all {
		k.await("to be accepted", func(fleet.TicketRow) bool { return true })
	}
	Await(a.t, "the flood of "+string(a.ID)+" to have the slots", func() (bool, string) {
		open, err := a.Control.OpenTickets(a.t.Context(), a.ID)
		running := 0
		for _, row := range open {
			if row.Lease != nil {
				running++
			}
		}
		return err == nil && running == slots, fmt.Sprintf("%d run of %d, %v", running, len(open), err)
	})
	return all
}

// begun waits until a ticket has had its first slot.
func (k *Ticket) begun() fleet.TicketTimes {
	k.t.Helper()
	return k.await("to begin", func(r fleet.TicketRow) bool { return !r.Times.Leased.IsZero() }).Times
}

// Two tenants share a place with room for two crawlers. A slot is given up for the one who
// came second after two turns at most: the rows are counted, not the time.
func TestFairness_AFloodDelaysTheOtherTenantByTwoTurnsAtMost(t *testing.T) {
	t.Parallel()
	// A turn is longer than a machine takes that compiles beside to start a crawler.
	f, s := shared(t), site(t, sample.Options{SlowDelay: 6 * time.Second})
	plan := fleet.Plan{SlotsPerCrawler: 1, MaxCrawlers: 4}
	big, small := f.NewTenant(t, plan), f.NewTenant(t, plan)
	there := page(s.ShopURL(sample.SlowPath))
	there.Place = in("SM")
	all := big.flood(30, 2, there)

	mine := small.Submit(there)
	times := mine.begun()
	turns, ended := map[fleet.GUID]int{}, 0
	for _, k := range all {
		row := k.Row()
		if row.Result == nil || !row.Times.Ended.After(times.Accepted) || row.Times.Ended.After(times.Leased) {
			continue
		}
		require.Equal(t, fleet.OutcomeDone, row.Result.Outcome, show(row))
		require.Len(t, row.Result.Crawlers, 1, show(row))
		turns[row.Result.Crawlers[0]]++
		ended++
	}
	t.Logf("%d tickets of the flood ended while the other tenant's waited: %v", ended, turns)
	require.Positive(t, ended, "the place was full when it came")
	// One crawler makes room. The other goes on while the new one is started, however long
	// a machine takes for that.
	fewest := slices.Min(slices.Collect(maps.Values(turns)))
	require.LessOrEqual(t, fewest, 2, "turns of the slot that was given up")
	mine.Done()
}

// Within a tenant nobody of a lower priority begins once an urgent ticket waits.
func TestFairness_AnUrgentTicketOvertakesTheTenantsOwnFlood(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{SlowDelay: 300 * time.Millisecond})
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 2, MaxCrawlers: 1})
	in := page(s.ShopURL(sample.SlowPath))
	in.Priority = 5
	all := a.flood(24, 2, in)

	in.ID, in.Priority = "urgent", 1
	urgent := a.Submit(in)
	times := urgent.begun()
	for _, k := range all {
		if begun := k.begun().Leased; begun.After(times.Accepted) {
			require.False(t, begun.Before(times.Leased), "%s has priority 5 and began first", k.Name)
		}
	}
	require.True(t, times.Leased.After(times.Accepted), "both slots were taken when it came")
	urgent.Done()
	for _, k := range all {
		k.Done()
	}
}
