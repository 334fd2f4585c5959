package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// terminate ends a workflow as an operator does who knows no better: none of its code runs.
func (d *drill) terminate(workflowID string) time.Time {
	d.t.Helper()
	at := time.Now()
	require.NoError(d.t, d.Client.Temporal().TerminateWorkflow(d.t.Context(), workflowID, "", "by hand"))
	return at
}

func TestKill_WorkflowsTerminatedByHand(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
	ended, moves := d.crawl(a, "ended"), d.crawl(a, "moves")
	ended.Leased()
	lease := moves.Leased()
	abandoned, next := d.crawl(a, "abandoned"), d.crawl(a, "next")
	abandoned.Waits(fleet.WaitSlot)
	next.Waits(fleet.WaitSlot)
	d.awaitRequests(20)

	// A ticket that waits, one that runs: the slot goes on to the next one.
	d.expect(abandoned, fleet.OutcomeCancelled)
	d.terminate(abandoned.WorkflowID)
	d.expect(ended, fleet.OutcomeCancelled)
	at := d.terminate(ended.WorkflowID)
	ended.End()
	t.Logf("ticket terminated: its row ended after %s", time.Since(at).Round(time.Millisecond))
	next.Leased()
	t.Logf("ticket terminated: the slot was the next one's after %s", time.Since(at).Round(time.Millisecond))

	// The crawler: stopped, and what ran on it runs elsewhere.
	d.lose(2)
	at = d.terminate(fleet.CrawlerWorkflowID(a.ID, lease.GUID))
	moves.await("to be elsewhere", func(r fleet.TicketRow) bool {
		return r.State == fleet.TicketEnded || r.Lease != nil && r.Lease.GUID != lease.GUID
	})
	t.Logf("crawler terminated: its ticket was elsewhere after %s", time.Since(at).Round(time.Millisecond))
	Await(t, "the end of its process", func() (bool, string) {
		left := a.Processes()
		gone := !slices.ContainsFunc(left, func(p Running) bool { return p.GUID == lease.GUID })
		return gone, show(left)
	})
	t.Logf("crawler terminated: its process was gone after %s", time.Since(at).Round(time.Millisecond))

	// The Conductor, while it waits for a place that cools down.
	b := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1})
	require.NoError(t, d.UseCrawler("/bin/false"))
	late := d.crawl(b, "late")
	late.Waits(fleet.WaitCooldown)
	at = d.terminate(fleet.ConductorWorkflowID(b.ID))
	require.NoError(t, d.UseCrawler(d.programs.Crawler))
	late.Leased()
	t.Logf("conductor terminated: its ticket was served after %s", time.Since(at).Round(time.Millisecond))

	abandoned.End()
	d.judge()
}
