package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// runOf is the latest run of the ticket's workflow.
func (k *Ticket) runOf() string {
	k.t.Helper()
	d, err := k.Client.Temporal().DescribeWorkflowExecution(k.t.Context(), k.WorkflowID, "")
	require.NoError(k.t, err)
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// slots are the lines of the ledger for the slots that the ticket had, and the sum of all lines.
func (k *Ticket) slots() (lines []fleet.LedgerLine, total int64) {
	k.t.Helper()
	b, err := k.Control.Bill(k.t.Context(), k.ID, k.Name)
	require.NoError(k.t, err)
	for _, l := range b.Lines {
		total += l.Amount.Micros
		if l.Kind == fleet.LedgerSlot {
			lines = append(lines, l)
		}
	}
	require.Equal(k.t, b.Total.Micros, total, "the bill is the sum of its lines")
	return lines, total
}

// Another attempt is a run of its own of the same ticket: one row, one frontier, one bill.
func TestTicket_RetryGoesOnWhereTheAttemptBeforeEnded(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	retry := func(k *Ticket) Said {
		return f.Crawlfleet(t, "", "ticket", "retry", string(k.Name), "-t", string(a.ID), "--wait", "-o", "json")
	}
	k := a.Submit(maze(s, 60, 150*time.Millisecond))
	first := k.runOf()
	Await(t, "some pages", func() (bool, string) { n := len(k.Fetched()); return n > 5, show(n) })
	require.Equal(t, fleet.CodeConflict, retry(k).Error(t).Code, "it runs")
	k.Cancel()
	cancelled := k.End()
	require.Equal(t, fleet.OutcomeCancelled, cancelled.Outcome)
	kept := k.Fetched()
	require.NotEmpty(t, kept)
	paid, _ := k.slots()
	require.Len(t, paid, 1)

	var second fleet.TicketResult
	retry(k).OK(t).Into(t, &second)
	require.Equal(t, fleet.OutcomeLimited, second.Outcome, "by its pages")
	require.Equal(t, 2, second.Attempt)
	require.NotEqual(t, first, k.runOf())
	require.Equal(t, 2, k.End().Attempt, "the row is the same ticket's")
	all := k.Fetched()
	require.Len(t, all, 60, "every page once, those of the first attempt among them")
	require.Subset(t, all, kept)
	for _, url := range kept {
		require.Len(t, requestsFor(s, url), 1, "%s was stored and is not fetched again", url)
	}
	require.EqualValues(t, 60, second.Counters.Fetched)
	require.True(t, second.Counters.Balanced(), show(second.Counters))

	a.AwaitNoCrawlers() // and their starts and idle times are on the bill
	both, _ := k.slots()
	require.Len(t, both, 2, "one ledger with a line for each attempt")
	require.Contains(t, both, paid[0], "what was paid for stays")
	require.Equal(t, fleet.CodeConflict, retry(k).Error(t).Code, "it has ended well")
	rows, err := f.Control.Tickets(t.Context(), fleet.TicketFilter{Tenant: a.ID})
	require.NoError(t, err)
	require.Len(t, rows, 1)
}
