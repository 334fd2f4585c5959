package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// A batch of the stock command line ends many tickets at once, some of which crawl and
// some of which wait. Nothing of them is left.
func TestBatch_CancelAndTerminateBySearchAttributeLeakNothing(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"cancel", "terminate"} {
		t.Run(verb, func(t *testing.T) { // one after the other: a namespace runs one batch at a time
			f, s := shared(t), holding(t)
			a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 4})
			var all []*Ticket
			for i := range 20 {
				in := hold(s)
				in.ID = fleet.TicketID(fmt.Sprintf("batch-%d", i))
				all = append(all, a.Submit(in))
			}
			a.awaitSlots(all, 8)
			a.awaitListed(len(all))
			a.batch(verb)
			for _, k := range all {
				require.Equal(t, fleet.OutcomeCancelled, k.End().Outcome)
				require.Nil(t, k.Row().Lease)
			}
			a.AwaitNoCrawlers()
			for _, c := range a.Crawlers(true) {
				require.Zero(t, c.Leased, show(c))
			}
		})
	}
}

// batch ends the account's open tickets. The server may still be closing the batch before it.
func (a *Tenant) batch(verb string) {
	a.t.Helper()
	Await(a.t, "a batch that is begun", func() (bool, string) {
		said := a.TemporalCLI(a.t, "workflow", verb, "--query", a.running(), "--reason", "a batch", "--yes")
		if said.Exit != 0 && !strings.Contains(said.Errors, "Max concurrent batch operations") {
			said.OK(a.t)
		}
		return said.Exit == 0, said.Errors
	})
}

// running finds the account's open tickets.
func (a *Tenant) running() string {
	return fmt.Sprintf(`CrawlTenant = "%s" AND WorkflowType = "Ticket" AND ExecutionStatus = "Running"`, a.ID)
}

// awaitSlots waits until so many of the tickets have a slot and all others wait for one.
func (a *Tenant) awaitSlots(all []*Ticket, slots int) {
	a.t.Helper()
	Await(a.t, fmt.Sprintf("%d of %d tickets with a slot", slots, len(all)), func() (bool, string) {
		open, err := a.Control.OpenTickets(a.t.Context(), a.ID)
		if err != nil {
			return false, err.Error()
		}
		leased, waiting := 0, 0
		for _, row := range open {
			switch {
			case row.Lease != nil:
				leased++
			case row.Wait != nil && row.Wait.Code == fleet.WaitSlot:
				waiting++
			}
		}
		return leased == slots && waiting == len(all)-slots, fmt.Sprintf("%d run, %d wait", leased, waiting)
	})
}

// awaitListed waits until the list, which is a moment behind, knows so many open tickets.
func (a *Tenant) awaitListed(n int) {
	a.t.Helper()
	Await(a.t, "the open tickets in the list", func() (bool, string) {
		var all []struct{ Execution struct{ WorkflowID string } }
		a.TemporalCLI(a.t, "workflow", "list", "--query", a.running(), "--output", "json").OK(a.t).Into(a.t, &all)
		return len(all) == n, fmt.Sprint(len(all))
	})
}
