package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The control worker dies exactly between two steps that touch two databases. The next
// case begins as soon as the worker is back, so that one death meets the healing of
// another. A step that was under way is repeated by its workflow when the server has
// given up on the dead worker's task, after 10 s.
func TestKill_BetweenTheTwoDatabases(t *testing.T) {
	t.Parallel()
	d := crashing(t, Options{}, 2*time.Second) // nothing ends by itself meanwhile
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 4, SlotsPerCrawler: 4})

	// An end from outside: intent, fence, end.
	for id, call := range map[fleet.TicketID]string{
		"cancel-0": "before Intend", "cancel-1": "after Intend", "cancel-2": "after Close", "cancel-3": "after Record",
	} {
		k := d.crawl(a, id)
		d.expect(k, fleet.OutcomeCancelled)
		k.Leased()
		d.dieAt(call, string(k.Name))
		k.Cancel()
		d.died(call)
	}
	expired := d.crawl(a, "expired", func(in *fleet.TicketInput) {
		in.Deadline = fleet.Moment("2s")
	})
	d.expect(expired, fleet.OutcomeExpired)
	d.dieAt("after Intend", "expired")
	d.died("between intent and fence of a deadline")

	// An end by itself: the last exchange, then the record.
	small := func(in *fleet.TicketInput) { in.Scope.MaxPages = 4 }
	for id, call := range map[fleet.TicketID]string{
		"exchange-n": "after Exchange", "last-exchange": "after LastExchange",
		"before-record": "before Record", "after-record": "after Record",
		"claim": "after Claim", "route": "after Route",
	} {
		d.dieAt(call, string(id))
		k := d.crawl(a, id, small)
		d.expect(k, fleet.OutcomeLimited)
		d.died(call)
	}
	d.answerLost()
	d.fenced(a)
	d.lost()
	d.attempted(a)
	began := time.Now()
	d.judge()
	t.Logf("all at rest %s after the last death", time.Since(began).Round(time.Millisecond))
}

// answerLost: the crawl's own end is stored, then data plane and crawler die. Another
// crawler has only to answer it.
func (d *drill) answerLost() {
	d.t.Helper()
	a := d.NewTenant(d.t, fleet.Plan{})
	d.dieAt("after LastExchange", "answer-lost")
	k := d.crawl(a, "answer-lost", func(in *fleet.TicketInput) { in.Scope.MaxPages = 4 })
	d.expect(k, fleet.OutcomeLimited)
	Await(d.t, "the worker to die", func() (bool, string) { return !d.Worker.Running(), "it runs" })
	d.killCrawlerOf(k)
	d.died("after the last exchange")
}

// fenced: a ticket is reset; the worker dies around the raising of the fence that its
// next run asks for.
func (d *drill) fenced(a *Tenant) {
	d.t.Helper()
	for id, call := range map[fleet.TicketID]string{
		"fence-asked": "after Route", "fence-before": "before Raise", "fence-after": "after Raise",
	} {
		k := d.crawl(a, id)
		k.Leased()
		d.awaitRequests(1)
		d.dieAt(call, string(id))
		d.losses++ // the run before it had pages under way
		d.TemporalCLI(d.t, "workflow", "reset", "-w", k.WorkflowID, "--type", "FirstWorkflowTask",
			"--reason", "a drill").OK(d.t)
		d.died(call)
	}
}

// lost: a crawler is lost, and the worker dies while it is being buried.
func (d *drill) lost() {
	d.t.Helper()
	for id, call := range map[fleet.TicketID]string{
		"unburied": "before Bury", "buried": "after Bury", "unbooked": "before Gone", "booked": "after Gone",
	} {
		k := d.crawl(d.NewTenant(d.t, fleet.Plan{}), id)
		d.dieAt(call, string(k.Leased().GUID))
		d.killCrawlerOf(k)
		d.died(call)
	}
}

// attempted: another attempt of a cancelled ticket reopens its crawl.
func (d *drill) attempted(a *Tenant) {
	d.t.Helper()
	for id, call := range map[fleet.TicketID]string{"again-before": "before Reopen", "again-after": "after Reopen"} {
		k := d.crawl(a, id)
		k.Leased()
		k.Cancel()
		require.Equal(d.t, fleet.OutcomeCancelled, k.End().Outcome)
		d.dieAt(call, string(id))
		again := d.crawl(a, id, func(in *fleet.TicketInput) { in.Attempt = 2 })
		d.losses++ // what was under way when it was cancelled is fetched again
		d.died(call)
		require.Equal(d.t, k.WorkflowID, again.WorkflowID)
	}
}
