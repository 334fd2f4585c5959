package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// later lets the store's clock run on.
func (d *desk) later(by time.Duration) {
	d.store.Now = func() time.Time { return time.Now().Add(by) }
}

func TestReaper_EndsATerminatedTicketAndHandsItsSlotOn(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	d.route(t, "t1")
	d.route(t, "next")
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))

	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.TicketRunning, d.store.Ticket("t1").State, "it is too young to be looked at")

	d.later(leaseAge)
	require.NoError(t, d.reaper.Round(t.Context()))
	row := d.store.Ticket("t1")
	require.Equal(t, fleet.OutcomeCancelled, row.Result.Outcome)
	require.Equal(t, "terminated", row.Result.Reason)
	_, closed := d.store.Fence("t1")
	require.Equal(t, fleet.OutcomeCancelled, closed)
	require.Equal(t, fleet.TicketRunning, d.store.Ticket("next").State)
	require.Len(t, d.temporal.Messages("signal"), 1)

	require.NoError(t, d.reaper.Round(t.Context()), "once more does nothing")
	require.Len(t, d.temporal.Messages("signal"), 1)
}

// leaseAge is when the reaper looks at a lease.
const leaseAge = 6 * time.Second

func TestReaper_LeavesRunningTicketsAlone(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	d.route(t, "t1")
	d.route(t, "waits")
	d.later(time.Hour)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.NotContains(t, d.store.Calls(), "Intend")
}

func TestReaper_DoesNothingWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk()
	guid := d.store.Crawler(1)
	d.route(t, "t1")
	d.temporal.Err = serviceerror.NewUnavailable("away")
	d.later(time.Hour)
	require.Error(t, d.reaper.Round(t.Context()))
	require.NotContains(t, d.store.Calls(), "Intend")
	require.Equal(t, fleet.CrawlerServing, d.store.Row(guid).State)
}

func TestReaper_FinishesAnEndThatWasCutShort(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.route(t, "t1") // it waits
	_, err := d.store.Intend(t.Context(), fleet.Intent{
		Tenant: "acme", Ticket: "t1", Outcome: fleet.OutcomeExpired, Reason: "the deadline passed",
	})
	require.NoError(t, err)
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	d.later(2 * time.Minute)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.OutcomeExpired, d.store.Ticket("t1").Result.Outcome, "the first intent counts")
}

func TestReaper_StopsAndBuriesACrawlerWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	_, err = d.store.Serving(t.Context(), in.GUID, fleet.Hello{Contract: fleet.ContractVersion})
	require.NoError(t, err)
	d.route(t, "t1")
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", in.GUID))

	require.NoError(t, d.reaper.Round(t.Context())) // asks it to stop
	require.Zero(t, d.provider.Running())
	require.NoError(t, d.reaper.Round(t.Context())) // finds it gone
	require.Equal(t, fleet.CrawlerGone, d.store.Row(in.GUID).State)
	require.Zero(t, d.store.Leased())
	require.Len(t, d.temporal.Messages("complete"), 1, "its ticket goes elsewhere")
	require.Contains(t, d.store.Calls(), "Gone")
}

func TestReaper_GivesAReservedCrawlerItsTime(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", in.GUID))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.CrawlerReserved, d.store.Row(in.GUID).State)

	d = newDesk()
	d.later(-2 * time.Minute)
	in = d.store.Reserve(1)
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", in.GUID))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.CrawlerGone, d.store.Row(in.GUID).State)
}

func TestReaper_RunsUntilItIsTold(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	d.route(t, "t1")
	d.later(time.Hour)
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.reaper.Run(ctx) }()
	require.Eventually(t, func() bool { return d.store.Ticket("t1").State == fleet.TicketEnded },
		patience, time.Millisecond)
	stop()
	<-done
}

// healOverlooked: a Conductor that should have acted is told.
func healOverlooked(t *testing.T, d *desk) {
	d.store.Reserve(1)
	demands := func() (n int) {
		require.NoError(t, d.reaper.Round(t.Context()))
		for _, m := range d.temporal.Messages("") {
			if m.Name == fleet.SignalDemand {
				require.Equal(t, fleet.ConductorWorkflowID("acme"), m.WorkflowID)
				n++
			}
		}
		return n
	}
	require.Zero(t, demands(), "it may be about to")
	d.later(leaseAge)
	require.Equal(t, 1, demands())
}

// healOvertaken: a crawl of a lease before fails.
func healOvertaken(t *testing.T, d *desk) {
	d.store.Crawler(1)
	d.route(t, "t1")
	epoch, id := d.store.Ticket("t1").Lease.Epoch, fleet.TicketWorkflowID("acme", "t1")
	d.temporal.Pending = map[string][]*workflowpb.PendingActivityInfo{id: {
		{ActivityId: fleet.ActivityCrawlID(epoch - 1)}, {ActivityId: fleet.ActivityCrawlID(epoch)}, {ActivityId: "7"},
	}}
	d.later(leaseAge)
	require.NoError(t, d.reaper.Round(t.Context()))
	failed := d.temporal.Messages("complete")
	require.Len(t, failed, 1)
	require.Equal(t, fleet.ActivityCrawlID(epoch-1), failed[0].Name)
	require.Equal(t, fleet.TicketRunning, d.store.Ticket("t1").State)
}

func TestReaper_TellsOfRowsThatItMended(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	d.route(t, "t1")
	lease := fleet.LeaseRow{Lease: *d.store.Ticket("t1").Lease, WorkflowID: fleet.TicketWorkflowID("acme", "t1")}
	d.store.Mends(fleet.Mended{
		Cures:  map[fleet.MendCase]int{fleet.MendTicket: 2},
		Leases: []fleet.LeaseRow{lease},
		Follow: fleet.Follow{Conductors: []fleet.TenantID{"acme"}},
	})
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, []string{string(fleet.MendTicket), string(fleet.MendTicket)}, d.counted)
	failed := d.temporal.Messages("complete")
	require.Len(t, failed, 1)
	require.Equal(t, fleet.ActivityCrawlID(lease.Epoch), failed[0].Name)
	told := d.temporal.Messages("")
	require.Equal(t, fleet.SignalDemand, told[len(told)-1].Name)
}
