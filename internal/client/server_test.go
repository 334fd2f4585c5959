package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// serverProgram is built by the repository's own build; without it these tests fail.
const serverProgram = "../../bin/crawlfleet-server"

// connect starts a real Temporal server and a worker with stand-ins of the fleet's
// workflows, and dials it. The workflows of the fleet itself have their own tests.
func connect(t *testing.T, keys ...client.Key) *client.Client {
	t.Helper()
	server := devserver.NewServer(devserver.ServerOptions{
		Program: serverProgram, DataDir: t.TempDir(), UIPort: devserver.NoUI, LogLevel: "error",
		SearchAttributes: map[string]string{fleet.AttrTenant: "Keyword", fleet.AttrSession: "Keyword"},
	})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })

	c, err := client.Dial(t.Context(), client.Options{
		Environ: []string{"TEMPORAL_CONFIG_FILE=/none", "TEMPORAL_ADDRESS=" + server.Address()},
		Keys:    keys,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := worker.New(c.Temporal(), fleet.ControlQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(ticketStandIn, workflow.RegisterOptions{Name: fleet.TicketWorkflow})
	w.RegisterWorkflowWithOptions(tenantStandIn, workflow.RegisterOptions{Name: fleet.TenantWorkflow})
	w.RegisterWorkflowWithOptions(crawlerStandIn, workflow.RegisterOptions{Name: fleet.CrawlerWorkflow})
	w.RegisterWorkflowWithOptions(redeliveryStandIn, workflow.RegisterOptions{Name: fleet.RedeliveryWorkflow})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return c
}

// taskTimeout is how long a task of a workflow that was started may take.
func taskTimeout(t *testing.T, c *client.Client, workflowID string) time.Duration {
	t.Helper()
	history := c.Temporal().GetWorkflowHistory(soon(t), workflowID, "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	require.True(t, history.HasNext())
	first, err := history.Next()
	require.NoError(t, err)
	return first.GetWorkflowExecutionStartedEventAttributes().GetWorkflowTaskTimeout().AsDuration()
}

// ticketStandIn ends at once, or as its label "do" says.
func ticketStandIn(ctx workflow.Context, in fleet.TicketInput) (fleet.TicketResult, error) {
	result := fleet.TicketResult{Tenant: in.Tenant, Ticket: in.ID, Outcome: fleet.OutcomeDone}
	err := workflow.SetQueryHandler(ctx, fleet.TicketQuery, func() (fleet.TicketStatus, error) {
		return fleet.TicketStatus{Ticket: in.ID, State: fleet.TicketRunning}, nil
	})
	if err != nil {
		return result, err
	}
	switch in.Labels["do"] {
	case "wait":
		_ = workflow.Await(ctx, func() bool { return false })
		result.Outcome = fleet.OutcomeCancelled
		return result, temporal.NewCanceledError(result)
	case "fail":
		result.Outcome, result.Error = fleet.OutcomeFailed, fleet.Errorf(fleet.CodeUnreachable, "down")
		return result, temporal.NewApplicationErrorWithOptions("down", string(fleet.CodeUnreachable),
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{result}})
	case "refuse":
		e := fleet.Invalid("tenant", "does not exist", "a tenant")
		return result, temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code),
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{e}})
	case "refuse without details":
		return result, temporal.NewNonRetryableApplicationError("over the plan", string(fleet.CodeQuota), nil)
	case "break":
		return result, fmt.Errorf("a defect")
	}
	return result, nil
}

func tenantStandIn(ctx workflow.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
	status := fleet.TenantStatus{Tenant: in.Tenant, State: fleet.TenantReady, Plan: in.Plan}
	deleted := false
	err := workflow.SetUpdateHandlerWithOptions(ctx, fleet.TenantApply,
		func(_ workflow.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
			status.Plan = in.Plan
			return status, nil
		}, workflow.UpdateHandlerOptions{Validator: func(in fleet.TenantInput) error {
			if in.Plan.Weight != 13 {
				return nil
			}
			e := fleet.Invalid("plan.weight", "13 is unlucky", "another")
			return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code),
				temporal.ApplicationErrorOptions{Details: []any{e}})
		}})
	if err != nil {
		return status, err
	}
	if err := workflow.SetQueryHandler(ctx, fleet.TenantQuery, func() (fleet.TenantStatus, error) {
		return status, nil
	}); err != nil {
		return status, err
	}
	if err := workflow.SetUpdateHandler(ctx, fleet.TenantDelete, func(workflow.Context) (fleet.TenantStatus, error) {
		status.State, deleted = fleet.TenantDeleted, true
		return status, nil
	}); err != nil {
		return status, err
	}
	err = workflow.Await(ctx, func() bool { return deleted && workflow.AllHandlersFinished(ctx) })
	return status, err
}

func redeliveryStandIn(_ workflow.Context, r fleet.RedeliverRequest) ([]fleet.DeliveryRef, error) {
	return []fleet.DeliveryRef{{Tenant: r.Tenant, ID: "msg_1"}}, nil
}

func crawlerStandIn(ctx workflow.Context, _ fleet.CrawlerInput) (fleet.DrainRequest, error) {
	var r fleet.DrainRequest
	workflow.GetSignalChannel(ctx, fleet.SignalDrain).Receive(ctx, &r)
	return r, nil
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // far more than it takes
	t.Cleanup(cancel)
	return ctx
}
