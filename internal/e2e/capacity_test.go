package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestOffering_FullOneFailsOverToTheNext(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1})
	var held []*Ticket
	for _, want := range []fleet.OfferingID{"process/alps-1", "process/alps-2"} {
		k := hold(s)
		k.Place = in("AT")
		held = append(held, a.Submit(k))
		require.Equal(t, want, held[len(held)-1].Leased().Offering)
	}
	third := page(s.ShopURL("/about"))
	third.Place = in("AT")
	k := a.Submit(third)
	wait := k.Waits(fleet.WaitCapacity)
	require.Contains(t, wait.Message, "process/alps-1 is full (1 of 1), process/alps-2 is full (1 of 1)")
	require.Len(t, a.Processes(), 2)
	held[0].Cancel()
	held[0].End()
	k.Done()
	held[1].Cancel()
	held[1].End()
}

func TestOffering_OneThatIsOutOfStockCoolsDownAndComesBack(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1, MaxCrawlers: 5})
	submit := func() *Ticket {
		k := hold(s)
		k.Place = in("IS")
		return a.Submit(k)
	}
	first := submit()
	require.Equal(t, fleet.OfferingID("process/ice-1"), first.Leased().Offering)
	second := submit() // ice-1 is full, ice-2's only address is in use by ice-1's crawler
	lease := second.Leased()
	require.Equal(t, fleet.OfferingID("process/ice-3"), lease.Offering)
	require.NotEqual(t, first.Leased().Address, lease.Address)
	kinds := map[fleet.DecisionKind]string{}
	decisions, err := f.Control.Decisions(t.Context(), a.ID, second.Name)
	require.NoError(t, err)
	for _, d := range decisions {
		kinds[d.Kind] += d.Reason + "\n"
	}
	require.Contains(t, kinds[fleet.DecidedCooldown], "process/ice-2", show(decisions))

	// One that has to run there waits for the end of the cool-down, tries, waits again,
	// and runs when the address is free.
	there := page(s.ShopURL("/about"))
	there.Place = fleet.Place{Regions: []string{"ice-2"}}
	third := a.Submit(there)
	wait := third.Waits(fleet.WaitCooldown)
	require.Contains(t, wait.Message, "process/ice-2 is cooling down until")
	require.False(t, wait.Until.IsZero())
	first.Cancel()
	first.End()
	r := third.Done()
	require.Equal(t, "127.250.2.1", sourceOf(t, s, s.ShopURL("/about")))
	require.NotContains(t, r.Crawlers, lease.GUID)
	second.Cancel()
	second.End()
}

func TestQuota_CrawlersAndSlotsWaitWithTheReason(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	for _, q := range []struct {
		name string
		plan fleet.Plan
		code fleet.WaitCode
		says string
	}{
		{"crawlers", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1}, fleet.WaitSlot, "no more than 1 crawler"},
		{"slots", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2, MaxSlots: 1}, fleet.WaitSlots, "the plan allows no more than 1 slot in use"},
	} {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			a := f.NewTenant(t, q.plan)
			held := a.Submit(hold(s))
			held.Leased()
			k := a.Submit(page(s.ShopURL("/about")))
			require.Contains(t, k.Waits(q.code).Message, q.says)
			said := f.Crawlfleet(t, "", "ticket", "show", string(k.Name), "-t", string(a.ID)).OK(t)
			require.Contains(t, said.Out, q.says)
			require.Len(t, a.Processes(), 1)
			held.Cancel()
			held.End()
			k.Done()
			require.Len(t, a.Crawlers(true), 1)
		})
	}
}

func TestQuota_PagesEndTheTicketLimitedWithItsResultsKept(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxPages: 7})
	k := a.Submit(fleet.TicketInput{URLs: []string{s.URL()}})
	r := k.End()
	require.Equal(t, fleet.OutcomeLimited, r.Outcome)
	require.Contains(t, r.Reason, "page limit")
	require.Len(t, k.Fetched(), 7, "exactly")
	require.EqualValues(t, 7, r.Counters.Fetched)
	require.True(t, r.Counters.Balanced(), show(r.Counters))
}

// A flood of one tenant keeps nobody else from a place: capacity is shared by tenant.
func TestOffering_FullOneIsSharedAmongTenants(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{SlowDelay: time.Second})
	var tickets []*Ticket
	for range 2 {
		a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1, MaxCrawlers: 4})
		for i := range 4 {
			k := page(s.ShopURL(sample.SlowPath))
			k.Place, k.ID = in("CH"), fleet.TicketID(fmt.Sprintf("flood-%d", i))
			tickets = append(tickets, a.Submit(k))
		}
	}
	for _, k := range tickets {
		k.Done()
	}
}
