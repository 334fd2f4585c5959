package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Temporal is the part of the Temporal client that the control side uses. The
// SDK's client satisfies it. It is safe for concurrent use.
type Temporal interface {
	// SignalWorkflow answers serviceerror.NotFound for a closed workflow.
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any,
		options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions,
		workflow any, args ...any) (client.WorkflowRun, error)
	CancelWorkflow(ctx context.Context, workflowID, runID string) error
	CompleteActivityByID(ctx context.Context,
		namespace, workflowID, runID, activityID string, result any, err error) error
	DescribeWorkflowExecution(ctx context.Context,
		workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	WorkflowService() workflowservice.WorkflowServiceClient
	OperatorService() operatorservice.OperatorServiceClient
}

func notFound(err error) bool {
	var e *serviceerror.NotFound
	return errors.As(err, &e)
}
