package e2e

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// seen is what the Web UI shows of the steps in a history: the summaries by the kind of
// the event. A step without one is "".
func (f *Fleet) seen(t *testing.T, workflowID string) map[enumspb.EventType][]string {
	t.Helper()
	out := map[enumspb.EventType][]string{}
	history := f.Client.Temporal().GetWorkflowHistory(t.Context(), workflowID, "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		require.NoError(t, err)
		if !isStep(e) {
			continue
		}
		var said string
		if p := e.GetUserMetadata().GetSummary(); p != nil {
			require.NoError(t, converter.GetDefaultDataConverter().FromPayload(p, &said))
		}
		require.NotEmpty(t, said, "%s: event %d says nothing: %s", workflowID, e.GetEventId(), e)
		out[e.GetEventType()] = append(out[e.GetEventType()], said)
	}
	return out
}

// isStep tells what a summary belongs to: an activity, a timer, and a local activity,
// which is a marker.
func isStep(e *historypb.HistoryEvent) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED:
		return true
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		return e.GetMarkerRecordedEventAttributes().GetMarkerName() == "LocalActivity"
	default:
		return false
	}
}

// metadata is what the Web UI asks a workflow for, open or closed.
func (f *Fleet) metadata(t *testing.T, workflowID string) *sdkpb.WorkflowMetadata {
	t.Helper()
	answer, err := f.Client.Temporal().QueryWorkflow(t.Context(), workflowID, "", "__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdkpb.WorkflowMetadata
	require.NoError(t, answer.Get(&m))
	d := m.GetDefinition()
	for _, one := range slices.Concat(d.GetQueryDefinitions(), d.GetSignalDefinitions(), d.GetUpdateDefinitions()) {
		require.NotEmpty(t, one.GetDescription(), "%s: %s", workflowID, one.GetName())
	}
	return &m
}

const (
	steps  = enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
	timers = enumspb.EVENT_TYPE_TIMER_STARTED
	locals = enumspb.EVENT_TYPE_MARKER_RECORDED
)

func TestWebUI_EveryStepSaysWhatItDoesAndEveryWorkflowWhereItIs(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	k := a.tells(s, receives(t, 200))
	d := k.message(fleet.DeliveryDone)
	a.AwaitNoCrawlers() // idle, and stopped

	account := fleet.TenantWorkflowID(a.ID)
	require.Contains(t, f.seen(t, account)[steps], "create the database")
	require.Contains(t, f.metadata(t, account).GetCurrentDetails(), "up to 1 crawler of 1 slot")

	ticket := f.seen(t, k.WorkflowID)
	require.Contains(t, ticket[locals], "route: find a slot")
	require.Contains(t, ticket[locals], "record the end: done")
	said := f.metadata(t, k.WorkflowID).GetCurrentDetails()
	require.Contains(t, said, "**ended**: done")
	require.Contains(t, said, "- crawls: "+s.ShopURL("/"))

	all, err := f.Control.AllCrawlers(t.Context(), fleet.CrawlerFilter{Tenant: a.ID, Limit: math.MaxInt32})
	require.NoError(t, err)
	require.Len(t, all, 2, "the proof and one")
	for _, c := range all {
		id := fleet.CrawlerWorkflowID(a.ID, c.GUID)
		crawler := f.seen(t, id)
		require.Contains(t, crawler[steps], "ready: "+string(c.GUID))
		if !c.Proof {
			require.Contains(t, crawler[timers][0], "idle kill after ")
			require.Contains(t, crawler[timers][0], ", per-second billing")
		}
		require.Contains(t, f.metadata(t, id).GetCurrentDetails(), "**gone**")
	}

	message := fleet.DeliveryWorkflowID(a.ID, d.ID)
	require.Len(t, f.seen(t, message)[steps], 1)
	require.Contains(t, f.metadata(t, message).GetCurrentDetails(), "**"+string(fleet.DeliveryDone)+"**")
}

func TestWebUI_AWaitSaysWhyAndARunningCrawlHowFarItIs(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	k := a.Submit(maze(s, 100_000, 50*time.Millisecond))
	k.Leased()
	// Started as the stock command line does: without a static summary.
	next := a.Named("next")
	f.TemporalCLI(t, "workflow", "start", "--type", "Ticket", "--task-queue", "crawlfleet",
		"--workflow-id", next.WorkflowID, "--input", show(map[string]any{
			"tenant": a.ID, "deadline": "1h", "urls": []string{s.ShopURL("/about?token=hidden"), s.URL()},
		})).OK(t)
	next.Waits(fleet.WaitSlot)
	conductor := fleet.ConductorWorkflowID(a.ID)
	f.TemporalCLI(t, "workflow", "execute", "--type", "Conductor", "--task-queue", "crawlfleet",
		"--workflow-id", conductor, "--input", show(fleet.ConductorInput{Tenant: a.ID})).OK(t)
	require.Contains(t, f.seen(t, conductor)[locals], "decide which crawlers to start")
	require.Contains(t, f.metadata(t, conductor).GetCurrentDetails(), "**decided**: ")

	Await(t, "its timer", func() (bool, string) { return len(f.seen(t, next.WorkflowID)[timers]) > 0, "" })
	waits := f.metadata(t, next.WorkflowID).GetCurrentDetails()
	t.Log(waits)
	for _, part := range []string{
		"**waiting**: ", "(`slot`)", "- since: ", "- crawls: " + s.ShopURL("/about") + " and 1 more", "- deadline: ",
	} {
		require.Contains(t, waits, part)
	}
	require.NotContains(t, waits, "hidden")
	require.Contains(t, f.seen(t, next.WorkflowID)[timers][0], "ask again: ")

	runs := f.metadata(t, k.WorkflowID).GetCurrentDetails()
	t.Log(runs)
	require.Contains(t, runs, "**running**")
	require.Contains(t, runs, "- crawler: `"+string(a.Crawlers(false)[0].GUID)+"`")
	k.progresses()
	next.Cancel()
	k.Cancel()
}

// progresses waits until the stock command line shows the counters of the crawl.
func (k *Ticket) progresses() {
	k.t.Helper()
	Await(k.t, "counters in the heartbeat", func() (bool, string) {
		said := k.TemporalCLI(k.t, "workflow", "describe", "--workflow-id", k.WorkflowID, "--output", "json")
		var shown struct {
			PendingActivities []struct{ HeartbeatDetails []fleet.Counters }
		}
		said.OK(k.t).Into(k.t, &shown)
		if len(shown.PendingActivities) != 1 || len(shown.PendingActivities[0].HeartbeatDetails) != 1 {
			return false, said.Out
		}
		n := shown.PendingActivities[0].HeartbeatDetails[0]
		return n.Fetched > 0 && n.Balanced(), said.Out
	})
}
