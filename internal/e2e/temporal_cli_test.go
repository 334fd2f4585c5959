package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// operator types the calls of the README's section on the stock command line.
type operator struct {
	*Tenant
	site *sample.Site
}

// temporal is one call, which has to go well.
func (o operator) temporal(line ...string) Said {
	o.t.Helper()
	return o.TemporalCLI(o.t, line...).OK(o.t)
}

func TestTemporalCLI_SteersTenantsAndTickets(t *testing.T) {
	t.Parallel()
	o := operator{&Tenant{Fleet: shared(t), ID: "by-hand", t: t}, holding(t)}
	t.Cleanup(o.leave)
	o.makesATenant()
	o.executesATicket()
	held, next := o.startsTwoTickets()
	o.queriesSignalsAndCancels(next)
	o.resetsAndTerminates(held)
	o.deletesTheTenant()
}

func (o operator) makesATenant() {
	o.t.Helper()
	o.temporal("workflow", "start", "--type", "Tenant", "--task-queue", "crawlfleet",
		"--workflow-id", "tenant/by-hand", "--input", `{"tenant":"by-hand","plan":{"maxCrawlers":2}}`)
	o.AwaitReady()
	said := o.temporal("workflow", "query", "--workflow-id", "tenant/by-hand", "--type", "status")
	require.Contains(o.t, said.Out, `"state":"ready"`)
	o.temporal("workflow", "update", "execute", "--workflow-id", "tenant/by-hand", "--name", "apply",
		"--input", `{"tenant":"by-hand","plan":{"maxCrawlers":1,"slotsPerCrawler":1}}`)
	status, err := o.Control.Tenant(o.t.Context(), o.ID)
	require.NoError(o.t, err)
	require.Equal(o.t, 1, status.Plan.MaxCrawlers)
}

func (o operator) executesATicket() {
	o.t.Helper()
	var executed struct {
		Status string
		Result fleet.TicketResult
	}
	o.temporal("workflow", "execute", "--type", "Ticket", "--task-queue", "crawlfleet",
		"--workflow-id", "my-crawl-1", "--output", "json",
		"--input", `{"tenant":"by-hand","urls":["`+o.site.ShopURL("/about")+`"],"scope":{"maxPages":1}}`).
		Into(o.t, &executed)
	require.Equal(o.t, "COMPLETED", executed.Status)
	require.EqualValues(o.t, 1, executed.Result.Counters.Fetched)
	require.EqualValues(o.t, "my-crawl-1", executed.Result.Ticket, "the workflow's id is the ticket's")
}

// startsTwoTickets starts one that keeps the tenant's only slot, and one that waits.
func (o operator) startsTwoTickets() (held, next *Ticket) {
	o.t.Helper()
	held, next = o.Named("held"), o.Named("next")
	input := show(map[string]any{
		"tenant": "by-hand", "urls": []string{o.site.ShopURL(sample.SlowPath)},
		"fetch": map[string]string{"timeout": "10m"},
	})
	for _, k := range []*Ticket{held, next} {
		o.temporal("workflow", "start", "--type", "Ticket", "--task-queue", "crawlfleet",
			"--workflow-id", k.WorkflowID, "--input", input)
		k.await("to be accepted", func(r fleet.TicketRow) bool { return r.Lease != nil || r.Wait != nil })
	}
	held.Leased()
	next.Waits(fleet.WaitSlot)
	const running = `CrawlTenant="by-hand" AND WorkflowType="Ticket" AND ExecutionStatus="Running"`
	Await(o.t, "both in the list", func() (bool, string) { // visibility is a moment behind
		var all []struct{ Execution struct{ WorkflowID string } }
		o.temporal("workflow", "list", "--query", running, "--output", "json").Into(o.t, &all)
		return len(all) == 2, show(all)
	})
	return held, next
}

func (o operator) queriesSignalsAndCancels(k *Ticket) {
	o.t.Helper()
	said := o.temporal("workflow", "query", "--workflow-id", k.WorkflowID, "--type", "status")
	require.Contains(o.t, said.Out, "no slot is free and the plan allows no more than 1 crawler")
	o.temporal("workflow", "signal", "--workflow-id", k.WorkflowID, "--name", "granted") // a forged hint
	k.Waits(fleet.WaitSlot)
	o.temporal("workflow", "cancel", "--workflow-id", k.WorkflowID)
	require.Equal(o.t, fleet.OutcomeCancelled, k.End().Outcome)
}

func (o operator) resetsAndTerminates(k *Ticket) {
	o.t.Helper()
	first := k.Row().RunID
	o.temporal("workflow", "reset", "--workflow-id", k.WorkflowID, "--type", "FirstWorkflowTask",
		"--reason", "stuck at the site")
	k.await("to be taken over by the new run", func(r fleet.TicketRow) bool {
		return r.Lease != nil && r.RunID != first
	})
	o.temporal("workflow", "terminate", "--workflow-id", k.WorkflowID, "--reason", "not wanted any more")
	require.Equal(o.t, fleet.OutcomeCancelled, k.End().Outcome, "its slot comes back by itself")
}

func (o operator) deletesTheTenant() {
	o.t.Helper()
	o.temporal("workflow", "update", "execute", "--workflow-id", "tenant/by-hand", "--name", "delete")
	var proof struct{ Result fleet.TenantStatus }
	o.temporal("workflow", "result", "--workflow-id", "tenant/by-hand", "--output", "json").Into(o.t, &proof)
	require.Equal(o.t, fleet.TenantDeleted, proof.Result.State)
	require.NotEmpty(o.t, proof.Result.Steps, "what was removed is the workflow's result")
	require.Empty(o.t, o.Processes())
	_, err := o.Control.Tenant(o.t.Context(), o.ID)
	require.Equal(o.t, fleet.CodeNotFound, fleet.CodeOf(err))
}

func TestTemporalCLI_ConductorAndCrawlerStartedByHandEndWithAClearError(t *testing.T) {
	t.Parallel()
	f := shared(t)
	a := f.NewTenant(t, fleet.Plan{})
	for _, c := range []struct{ workflow, input, says string }{
		{"Conductor", `{"tenant":"nobody"}`, "nobody"},
		{"Crawler", show(fleet.CrawlerInput{
			Tenant: a.ID, GUID: "01234567-0123-7123-8123-0123456789ab", Offering: "process/local-a",
			Provider: "process", Account: "process", Slots: 1,
		}), "01234567-0123-7123-8123-0123456789ab"},
	} {
		said := f.TemporalCLI(t, "workflow", "execute", "--type", c.workflow, "--task-queue", "crawlfleet",
			"--workflow-id", "forged-"+c.workflow, "--input", c.input, "--output", "json")
		require.NotZero(t, said.Exit)
		require.Contains(t, said.Out+said.Errors, "not_found", "%s", c.workflow)
		require.Contains(t, said.Out+said.Errors, c.says)
	}
	require.Empty(t, a.Processes())
}

// failureOf is the message and the type of a failed execution.
func failureOf(t *testing.T, s Said) (message, kind string) {
	t.Helper()
	var failed struct {
		CloseEvent struct {
			WorkflowExecutionFailedEventAttributes struct {
				Failure struct {
					Message                string
					ApplicationFailureInfo struct{ Type string }
				}
			}
		}
	}
	s.Into(t, &failed)
	f := failed.CloseEvent.WorkflowExecutionFailedEventAttributes.Failure
	return f.Message, f.ApplicationFailureInfo.Type
}
