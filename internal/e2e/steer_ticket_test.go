package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestTicket_PausedOneGivesItsSlotBackAndGoesOn(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	k := a.Submit(maze(s, 60, 150*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 5, show(n) })
	f.TemporalCLI(t, "workflow", "update", "execute", "--workflow-id", k.WorkflowID, "--name", "pause",
		"--input", `{"reason":"lunch"}`).OK(t)
	require.Contains(t, k.Waits(fleet.WaitPaused).Message, "lunch")
	require.Nil(t, k.Row().Lease)
	a.Submit(page(s.ShopURL("/about"))).Done() // on the only slot
	f.Crawlfleet(t, "", "ticket", "resume", string(k.Name), "-t", string(a.ID)).OK(t)
	r := k.End()
	require.Equal(t, fleet.OutcomeLimited, r.Outcome, "by its pages")
	require.Len(t, k.Fetched(), 60, "every page once")
	require.True(t, r.Counters.Balanced(), show(r.Counters))
}

func TestTicket_StartAtWaitsScheduledAndThenRuns(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	in := page(s.ShopURL("/about"))
	at := time.Now().Add(10 * time.Second).UTC()
	in.StartAt = fleet.Moment(at.Format(time.RFC3339Nano))
	k := a.Submit(in)
	wait := k.Waits(fleet.WaitScheduled)
	require.WithinDuration(t, at, wait.Until, time.Millisecond)
	k.Done()
	require.False(t, requestsFor(s, s.ShopURL("/about"))[0].Time.Before(at))
}

func TestTicket_MaxCostEndsItLimitedWithItsResultsKept(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1})
	in := maze(s, 10_000, 20*time.Millisecond)
	in.MaxCost = &fleet.Money{Micros: 100, Currency: "EUR"} // ten seconds at the cheapest place
	k := a.Submit(in)
	r := k.End()
	require.Equal(t, fleet.OutcomeLimited, r.Outcome, show(r))
	require.Contains(t, r.Reason, "maxCost")
	require.NotEmpty(t, k.Fetched())
	require.EqualValues(t, len(k.Fetched()), r.Counters.Fetched)
}

func TestTicket_PriorityOneRunsBeforeFive(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	held := a.Submit(hold(s))
	held.Leased()
	submit := func(path string, priority int) *Ticket {
		in := page(s.ShopURL(path))
		in.Priority = priority
		k := a.Submit(in)
		k.Waits(fleet.WaitSlot)
		return k
	}
	last, first := submit("/about", 5), submit("/contact", 1)
	held.Cancel()
	first.Done()
	last.Done()
	require.True(t, requestsFor(s, s.ShopURL("/contact"))[0].Time.
		Before(requestsFor(s, s.ShopURL("/about"))[0].Time), "the later one with priority 1 is served first")
}

func TestQuota_WaitingTicketsOverThePlanAreRefusedBeforeAcceptance(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1, MaxWaiting: 1})
	held := a.Submit(hold(s))
	held.Leased()
	a.Submit(page(s.ShopURL("/about"))).Waits(fleet.WaitSlot)

	over := page(s.ShopURL("/contact"))
	over.ID = "over"
	k := a.Submit(over)
	_, err := f.Client.WaitTicket(t.Context(), k.WorkflowID, k.RunID)
	var refused *fleet.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, fleet.CodeQuota, refused.Code)
	require.Positive(t, refused.RetryAfter.Std())
	said := f.TemporalCLI(t, "workflow", "execute", "--type", "Ticket", "--task-queue", "crawlfleet",
		"--workflow-id", "ticket/"+string(a.ID)+"/over-by-hand", "--output", "json",
		"--input", show(map[string]any{"tenant": a.ID, "urls": over.URLs}))
	_, kind := failureOf(t, said)
	require.EqualValues(t, fleet.CodeQuota, kind)
	require.Contains(t, said.Out, "retryAfter")
	for _, id := range []fleet.TicketID{"over", "over-by-hand"} {
		_, err := f.Control.Ticket(t.Context(), a.ID, id)
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err), "no row of %s", id)
	}
	require.Zero(t, s.Count("/contact"))
	held.Cancel()
	held.End()
}

func TestQuota_SpendCapHoldsTheTenantUntilItIsRaised(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxSpend: &fleet.Money{Micros: 1, Currency: "EUR"}})
	first := a.Submit(maze(s, 20, 50*time.Millisecond)) // costs more than the cap
	a.AwaitHeld()
	second := a.Submit(page(s.ShopURL("/about")))
	require.NotEmpty(t, second.Waits(fleet.WaitSpend).Message)
	a.AwaitNoCrawlers()
	f.Crawlfleet(t, "", "tenant", "plan", string(a.ID), "--max-spend", "10 EUR").OK(t)
	second.Done()
	require.Equal(t, fleet.OutcomeLimited, first.End().Outcome)
	require.Len(t, first.Fetched(), 20, "every page once")
}

// AwaitHeld waits until the spend cap holds the account.
func (a *Tenant) AwaitHeld() {
	a.t.Helper()
	Await(a.t, "the spend cap to hold "+string(a.ID), func() (bool, string) {
		s, err := a.Control.Tenant(a.t.Context(), a.ID)
		return err == nil && s.Held != nil, show(s)
	})
}
