package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestTicket_ColdStartsACrawlerOfItsOwnAddress(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(time.Minute)})
	require.Empty(t, a.Processes(), "a tenant at rest has no crawler")

	r := a.Submit(page(s.ShopURL("/about"))).Done()
	rows, processes := a.Crawlers(false), a.Processes()
	require.Len(t, rows, 1)
	require.Len(t, processes, 1)
	c := rows[0]
	require.Equal(t, c.GUID, processes[0].GUID)
	require.Equal(t, c.PID, processes[0].PID)
	require.Equal(t, []fleet.GUID{c.GUID}, r.Crawlers)
	require.Equal(t, []string{c.Address}, r.Addresses)
	require.Equal(t, c.Address, sourceOf(t, s, s.ShopURL("/about")), "by the site's own log")
	require.NotEqual(t, loopback, c.Address)

	order := []time.Time{c.Times.Reserved, c.Times.Launched, c.Times.Main, c.Times.Dialed, c.Times.Serving}
	for i := range order[1:] {
		require.False(t, order[i].IsZero())
		// Launched is noted after the fork, whose child may be faster than the note.
		if i != 1 {
			require.False(t, order[i+1].Before(order[i]), "phase %d of %v", i, order)
		}
	}
	t.Logf("cold start %s", c.Times.Serving.Sub(c.Times.Reserved).Round(time.Millisecond))
}

func TestTicket_ParallelOnesStartAsManyCrawlersAsThePlanAllows(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2})
	var all []*Ticket
	for range 6 {
		all = append(all, a.Submit(hold(s)))
	}
	at := map[fleet.GUID]int{}
	for _, k := range all {
		at[k.Leased().GUID]++
	}
	require.Len(t, at, 3, "three crawlers of two slots")
	require.Len(t, a.Processes(), 3)
	seventh := a.Submit(page(s.ShopURL("/about")))
	wait := seventh.Waits(fleet.WaitSlot)
	require.Contains(t, wait.Message, "no more than 3 crawlers")
	require.Len(t, a.Crawlers(true), 3, "nothing over the plan was ever started")
	all[0].Cancel()
	require.Equal(t, fleet.OutcomeCancelled, all[0].End().Outcome)
	r := seventh.Done()
	require.Contains(t, at, r.Crawlers[0], "the freed slot was handed over")
	require.Len(t, a.Crawlers(true), 3)
	for _, k := range all[1:] {
		k.Cancel()
		k.End()
	}
	require.Len(t, s.Sources(), 3, "three addresses in the site's log")
}

func TestTicket_SecondOneOnABusyOneSlotCrawlerStartsASecondCrawler(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	busy := a.Submit(hold(s))
	first := busy.Leased()
	r := a.Submit(page(s.ShopURL("/about"))).Done()
	require.NotEqual(t, first.GUID, r.Crawlers[0])
	require.NotEqual(t, first.Address, sourceOf(t, s, s.ShopURL("/about")))
	busy.Cancel()
	busy.End()
}

func TestCrawler_IdleOneEndsAndIsPaidFor(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(2 * time.Second)})
	k := a.Submit(page(s.ShopURL("/about")))
	k.Done()
	a.AwaitNoCrawlers()
	gone := a.Crawlers(true)
	require.Len(t, gone, 1)
	c := gone[0]
	require.GreaterOrEqual(t, c.Times.Retired.Sub(c.Times.IdleFrom), 2*time.Second, "never early")
	t.Logf("idle from %s, retired %s later, gone %s later", c.Times.IdleFrom.Format(time.TimeOnly),
		c.Times.Retired.Sub(c.Times.IdleFrom), c.Times.Gone.Sub(c.Times.Retired))

	bill, err := f.Control.Bill(t.Context(), a.ID, k.Name)
	require.NoError(t, err)
	require.True(t, bill.Final)
	var sum int64
	kinds := map[fleet.LedgerKind]bool{}
	for _, l := range bill.Lines {
		sum += l.Amount.Micros
		kinds[l.Kind] = true
	}
	require.Equal(t, bill.Total.Micros, sum)
	require.Positive(t, sum)
	require.True(t, kinds[fleet.LedgerSlot] && kinds[fleet.LedgerIdle], show(bill.Lines))
}
