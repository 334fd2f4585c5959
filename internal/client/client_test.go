package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

func ticket(id fleet.TicketID, do string) fleet.TicketInput {
	return fleet.TicketInput{
		Tenant: "acme", ID: id, URLs: []string{"http://example.com/needle?q=secret"},
		Labels: map[string]string{"do": do}, Session: &fleet.Session{Key: "ann"},
	}
}

// TestClient runs on one server: starting it takes most of the time.
func TestClient(t *testing.T) {
	t.Parallel()
	c := connect(t)
	t.Run("a ticket without an id gets one, and answers", func(t *testing.T) {
		t.Parallel()
		got, err := c.StartTicket(soon(t), ticket("", ""))
		require.NoError(t, err)
		require.NoError(t, got.Ticket.Validate())
		require.Equal(t, fleet.TicketWorkflowID("acme", got.Ticket), got.WorkflowID)
		result, err := c.WaitTicket(soon(t), got.WorkflowID, got.RunID)
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeDone, result.Outcome)
	})
	t.Run("an account without a workflow that runs is deleted by another", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, c.StartTenant(soon(t), fleet.TenantInput{Tenant: "failed"}))
		require.NoError(t, c.Temporal().TerminateWorkflow(soon(t), fleet.TenantWorkflowID("failed"), "", "over"))
		_, err := c.DeleteTenant(soon(t), "failed", fleet.DeleteRequest{})
		require.NoError(t, err)
		status, err := c.WaitTenant(soon(t), "failed")
		require.NoError(t, err)
		require.Equal(t, fleet.TenantDeleted, status.State)
		_, err = c.DeleteTenant(soon(t), "failed", fleet.DeleteRequest{})
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err), "it is deleted already")
	})
	t.Run("a wrong ticket never reaches Temporal", func(t *testing.T) {
		t.Parallel()
		_, err := c.StartTicket(soon(t), fleet.TicketInput{Tenant: "acme"})
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	})
	t.Run("a running id is attached to, or a conflict that names the field", func(t *testing.T) {
		t.Parallel()
		first, err := c.StartTicket(soon(t), ticket("same", "wait"))
		require.NoError(t, err)
		again, err := c.StartTicket(soon(t), ticket("same", "wait"))
		require.NoError(t, err)
		require.True(t, again.Attached)
		require.Equal(t, first.RunID, again.RunID)

		other := ticket("same", "wait")
		other.Fetch.Concurrency = 2
		_, err = c.StartTicket(soon(t), other)
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, fleet.CodeConflict, e.Code)
		require.Equal(t, "fetch.concurrency", e.Field)
	})
	t.Run("an ended id is started again", func(t *testing.T) {
		t.Parallel()
		first, err := c.StartTicket(soon(t), ticket("ended", ""))
		require.NoError(t, err)
		_, err = c.WaitTicket(soon(t), first.WorkflowID, "")
		require.NoError(t, err)
		again, err := c.StartTicket(soon(t), ticket("ended", ""))
		require.NoError(t, err)
		require.False(t, again.Attached)
		require.NotEqual(t, first.RunID, again.RunID)
	})
	t.Run("what a histories' reader sees of a ticket", func(t *testing.T) {
		t.Parallel()
		got, err := c.StartTicket(soon(t), ticket("seen", "wait"))
		require.NoError(t, err)
		d, err := c.Temporal().DescribeWorkflowExecution(soon(t), got.WorkflowID, "")
		require.NoError(t, err)
		info := d.GetWorkflowExecutionInfo()
		require.Contains(t, info.GetSearchAttributes().GetIndexedFields(), fleet.AttrTenant)
		require.Contains(t, info.GetSearchAttributes().GetIndexedFields(), fleet.AttrSession)
		require.Contains(t, info.GetMemo().GetFields(), "labels")
		require.Equal(t, `"http://example.com/needle"`, string(d.GetExecutionConfig().GetUserMetadata().GetSummary().GetData()))
		require.EqualValues(t, fleet.DefaultPriority, info.GetPriority().GetPriorityKey())
		require.Equal(t, "acme", info.GetPriority().GetFairnessKey())

		status, err := c.TicketStatus(soon(t), got.WorkflowID)
		require.NoError(t, err)
		require.Equal(t, fleet.TicketRunning, status.State)
	})
	t.Run("cancel keeps the result, terminate has none", func(t *testing.T) {
		t.Parallel()
		got, err := c.StartTicket(soon(t), ticket("cancelled", "wait"))
		require.NoError(t, err)
		require.NoError(t, c.CancelTicket(soon(t), got.WorkflowID))
		result, err := c.WaitTicket(soon(t), got.WorkflowID, "")
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeCancelled, result.Outcome)

		got, err = c.StartTicket(soon(t), ticket("terminated", "wait"))
		require.NoError(t, err)
		require.NoError(t, c.Temporal().TerminateWorkflow(soon(t), got.WorkflowID, "", "test"))
		_, err = c.WaitTicket(soon(t), got.WorkflowID, "")
		require.ErrorContains(t, err, "terminated")
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(c.CancelTicket(soon(t), "ticket/acme/none")))
	})
	t.Run("a failed ticket has its result", func(t *testing.T) {
		t.Parallel()
		got, err := c.StartTicket(soon(t), ticket("", "fail"))
		require.NoError(t, err)
		result, err := c.WaitTicket(soon(t), got.WorkflowID, "")
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeFailed, result.Outcome)
		require.Equal(t, fleet.CodeUnreachable, result.Error.Code)
	})
	t.Run("errors of the fleet come back whole", func(t *testing.T) {
		t.Parallel()
		for do, want := range map[string]fleet.Error{
			"refuse":                 {Code: fleet.CodeInvalid, Field: "tenant", Message: "does not exist", Want: "a tenant"},
			"refuse without details": {Code: fleet.CodeQuota, Message: "over the plan"},
			"break":                  {Code: fleet.CodeInternal, Message: "a defect"},
		} {
			got, err := c.StartTicket(soon(t), ticket("", do))
			require.NoError(t, err)
			_, err = c.WaitTicket(soon(t), got.WorkflowID, "")
			var e *fleet.Error
			require.ErrorAs(t, err, &e, do)
			require.Equal(t, want, fleet.Error{Code: e.Code, Field: e.Field, Message: e.Message, Want: e.Want})
		}
	})
	t.Run("a tenant's life", func(t *testing.T) {
		t.Parallel()
		in := fleet.TenantInput{Tenant: "acme"}
		require.NoError(t, c.StartTenant(soon(t), in))
		require.Equal(t, fleet.CodeConflict, fleet.CodeOf(c.StartTenant(soon(t), in)))
		in.Plan.MaxCrawlers = 9
		status, err := c.ApplyTenant(soon(t), in)
		require.NoError(t, err)
		require.Equal(t, 9, status.Plan.MaxCrawlers)
		in.Plan.Weight = 13
		_, err = c.ApplyTenant(soon(t), in)
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "plan.weight", e.Field)
		status, err = c.TenantStatus(soon(t), "acme")
		require.NoError(t, err)
		require.Equal(t, fleet.TenantReady, status.State)
		_, err = c.DeleteTenant(soon(t), "acme", fleet.DeleteRequest{})
		require.NoError(t, err)
		status, err = c.WaitTenant(soon(t), "acme")
		require.NoError(t, err)
		require.Equal(t, fleet.TenantDeleted, status.State)
		_, err = c.DeleteTenant(soon(t), "nobody", fleet.DeleteRequest{})
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	})
	t.Run("a crawler hears a drain", func(t *testing.T) {
		t.Parallel()
		ref := fleet.CrawlerRef{Tenant: "acme", GUID: "00000000-0000-0000-0000-000000000001"}
		run, err := c.Temporal().ExecuteWorkflow(soon(t), sdk.StartWorkflowOptions{
			ID: fleet.CrawlerWorkflowID(ref.Tenant, ref.GUID), TaskQueue: fleet.ControlQueue,
		}, fleet.CrawlerWorkflow, fleet.CrawlerInput{})
		require.NoError(t, err)
		want := fleet.DrainRequest{Reason: "operator", Grace: fleet.Duration(time.Second)}
		require.NoError(t, c.DrainCrawler(soon(t), ref, want))
		var got fleet.DrainRequest
		require.NoError(t, run.Get(soon(t), &got))
		require.Equal(t, want, got)
	})
}

func TestClient_WithKeysHistoriesHoldNoContent(t *testing.T) {
	t.Parallel()
	c := connect(t, key("k1"))
	got, err := c.StartTicket(soon(t), ticket("hidden", "refuse"))
	require.NoError(t, err)
	_, err = c.WaitTicket(soon(t), got.WorkflowID, "")
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "tenant", e.Field, "errors pass the codec too")

	history := c.Temporal().GetWorkflowHistory(soon(t), got.WorkflowID, "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	events := 0
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		require.NotContains(t, event.String(), "needle")
		require.NotContains(t, event.String(), "does not exist")
		events++
	}
	require.Positive(t, events)
}

func TestDial_SaysWhatToDoWhenNoServerAnswers(t *testing.T) {
	t.Parallel()
	_, err := client.Dial(soon(t), client.Options{
		Environ: []string{"TEMPORAL_CONFIG_FILE=/none", "TEMPORAL_ADDRESS=127.0.0.1:1"},
	})
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, fleet.CodeUnavailable, e.Code)
	require.Contains(t, e.Hint, "TEMPORAL_ADDRESS")
}
