package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestTerminate_TicketGivesItsSlotBack(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	k := a.Submit(maze(s, 10_000, 20*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 5, show(n) })
	crawler := k.Leased().GUID
	next := a.Submit(page(s.ShopURL("/about")))
	next.Waits(fleet.WaitSlot)

	began := time.Now()
	f.TemporalCLI(t, "workflow", "terminate", "-w", k.WorkflowID, "--reason", "an operator").OK(t)
	r := k.End()
	require.Equal(t, fleet.OutcomeCancelled, r.Outcome)
	require.Contains(t, r.Reason, "terminated")
	t.Logf("its slot was free %s later", time.Since(began).Round(100*time.Millisecond))
	stored := k.Fetched()
	require.Equal(t, []fleet.GUID{crawler}, next.Done().Crawlers, "the slot is used again")
	require.Equal(t, stored, k.Fetched(), "nothing was stored after its end")
	require.EqualValues(t, len(stored), r.Counters.Fetched)
	require.Nil(t, k.Row().Lease)
}

func TestReset_TicketGoesOnAndStoresNothingTwice(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	const pages = 150
	k := a.Submit(maze(s, pages, 60*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 20, show(n) })
	f.TemporalCLI(t, "workflow", "reset", "-w", k.WorkflowID, "--type", "FirstWorkflowTask",
		"--reason", "an operator").OK(t)
	row := k.await("to end, by another run", func(r fleet.TicketRow) bool {
		return r.State == fleet.TicketEnded && r.RunID != k.RunID
	})
	require.Equal(t, fleet.OutcomeLimited, row.Result.Outcome)
	require.Len(t, k.Fetched(), pages, "each once, and no more than the limit")
	require.True(t, row.Result.Counters.Balanced(), show(row.Result.Counters))
	twice := len(s.Log()) - pages - 1 // and robots.txt
	t.Logf("%d requests more than pages", twice)
	require.LessOrEqual(t, twice, fleet.DefaultConcurrency+2, "what was in flight is fetched again, and robots.txt")
	require.Nil(t, row.Lease)
	a.Submit(page(s.ShopURL("/about"))).Done() // the slot is free
}
