package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// early has the server suggest to continue as new after so many events: more than a
// Tenant needs to find its account again, fewer than any life that is steered.
const early = 14

// Continuing as new is invisible: a fleet whose runs are full after a few events comes to
// what a fleet comes to whose runs never are.
func TestContinueAsNew_ChangesNothing(t *testing.T) {
	t.Parallel()
	for name, dynamic := range map[string]map[string]string{
		"never": nil, "early": {"limit.historyCount.suggestContinueAsNew": fmt.Sprint(early)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places, err := json.Marshal(twins())
			require.NoError(t, err)
			d := newDrill(t, Options{
				Dynamic: dynamic, Settings: map[string]string{"process-offerings": string(places)},
			}, 100*time.Millisecond)
			d.longLives()
			d.judge()
			runs := d.continued()
			t.Logf("continued as new: %v", runs)
			for _, workflow := range []string{fleet.TenantWorkflow, fleet.TicketWorkflow, fleet.ConductorWorkflow} {
				require.Equal(t, dynamic != nil, runs[workflow] > 0, workflow)
			}
			require.Zero(t, runs[fleet.CrawlerWorkflow], "it never does")
		})
	}
}

// twins are two places with one address between them: while one has it the other is
// refused by the substrate, cools down and is tried again.
func twins() []fleet.Offering {
	place := func(name, country string) fleet.Offering {
		return fleet.Offering{
			ID: fleet.OfferingID("process/" + name), Provider: "process", Account: "process", Region: name,
			Country: country, Grain: fleet.GrainSecond, Egress: fleet.EgressOwn, Capacity: 5,
			Price: fleet.Money{Micros: 36_000, Currency: "EUR"}, IdleAfter: fleet.Duration(time.Second),
			Addresses: []string{"127.251.1.1"},
		}
	}
	return []fleet.Offering{place("twin-1", "DE"), place("twin-2", "NL")}
}

// longLives steers a tenant and its tickets, and wants the same of them however many runs
// they take.
func (d *drill) longLives() {
	d.t.Helper()
	a := d.NewTenant(d.t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	at := func(country string) func(*fleet.TicketInput) {
		return func(i *fleet.TicketInput) { i.Place = in(country) }
	}
	first := d.crawl(a, "first", at("DE"))
	first.Leased()
	moving := d.crawl(a, "cooling", at("NL")) // for whom the Conductor tries again and again
	waiting := d.crawl(a, "waiting", at("DE"))
	gone := d.crawl(a, "cancelled", at("DE"))
	d.expect(gone, fleet.OutcomeCancelled)
	for i := range 4 {
		reason := fmt.Sprintf("pause %d", i)
		d.steer(waiting, "pause", reason)
		require.Contains(d.t, waiting.Waits(fleet.WaitPaused).Message, reason)
		d.steer(waiting, "resume", reason)
		waiting.await("to wait as the others do", func(r fleet.TicketRow) bool {
			return r.Wait != nil && r.Wait.Code != fleet.WaitPaused
		})
	}
	gone.cancelAndEnd()
	for i := range 4 {
		s, err := d.Client.ReplanTenant(d.t.Context(), a.ID, fleet.PlanRequest{Plan: fleet.Plan{MaxPages: int64(1000 + i)}})
		require.NoError(d.t, err)
		require.EqualValues(d.t, 1000+i, s.Plan.MaxPages)
		require.Equal(d.t, 2, s.Plan.MaxCrawlers, "the rest of the plan stays")
	}
	moving.Waits(fleet.WaitCooldown)
	d.suspended(a)
	d.site.SetPageDelay(0)
	for _, k := range []*Ticket{first, moving, waiting} {
		r := k.Done()
		require.True(d.t, r.Counters.Balanced(), show(r.Counters))
	}
	require.Equal(d.t, 1, first.End().Moves, "by the suspension")
	status, err := d.Client.TenantStatus(d.t.Context(), a.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, fleet.TenantReady, status.State)
	require.EqualValues(d.t, 1003, status.Plan.MaxPages)
}

// suspended suspends an account in the middle of a crawl and lets it go on.
func (d *drill) suspended(a *Tenant) {
	d.t.Helper()
	d.lose(1) // a crawl that is cut has something in flight
	s, err := d.Client.SuspendTenant(d.t.Context(), a.ID, fleet.SuspendRequest{
		Reason: "unpaid", Grace: fleet.Duration(100 * time.Millisecond),
	})
	require.NoError(d.t, err)
	require.Equal(d.t, fleet.TenantSuspended, s.State)
	a.AwaitNoCrawlers()
	s, err = d.Client.ResumeTenant(d.t.Context(), a.ID, fleet.ResumeRequest{})
	require.NoError(d.t, err)
	require.Equal(d.t, fleet.TenantReady, s.State)
}

// steer pauses a ticket or lets it go on, as the stock command line does.
func (d *drill) steer(k *Ticket, update, reason string) {
	d.t.Helper()
	d.TemporalCLI(d.t, "workflow", "update", "execute", "--workflow-id", k.WorkflowID, "--name", update,
		"--input", fmt.Sprintf(`{"reason":%q}`, reason)).OK(d.t)
}

func (k *Ticket) cancelAndEnd() {
	k.t.Helper()
	k.Cancel()
	require.Equal(k.t, fleet.OutcomeCancelled, k.End().Outcome)
}

// continued counts the runs that ended by continuing as new, by the workflow's type, when
// the server's lists know of all runs that there have been.
func (d *drill) continued() map[string]int {
	d.t.Helper()
	counts := map[string]int{}
	types := []string{fleet.TenantWorkflow, fleet.TicketWorkflow, fleet.ConductorWorkflow, fleet.CrawlerWorkflow}
	Await(d.t, "the lists to have settled", func() (bool, string) {
		clear(counts)
		open := d.countRuns(`ExecutionStatus = "Running" AND WorkflowType != "Tenant"`)
		for _, typ := range types {
			counts[typ] = d.countRuns(fmt.Sprintf(`ExecutionStatus = "ContinuedAsNew" AND WorkflowType = %q`, typ))
		}
		return open == 0, fmt.Sprintf("%d open, %v", open, counts)
	})
	return counts
}

func (d *drill) countRuns(query string) int {
	d.t.Helper()
	answer, err := d.Client.Temporal().CountWorkflow(d.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: "default", Query: query,
	})
	require.NoError(d.t, err)
	return int(answer.GetCount())
}
