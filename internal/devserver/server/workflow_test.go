package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// startWorkflow leaves a running workflow behind; nobody works on it.
func startWorkflow(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	_, err := frontend(t, address).StartWorkflowExecution(ctx,
		&workflowservice.StartWorkflowExecutionRequest{
			Namespace:    "fleet",
			RequestId:    "request",
			WorkflowId:   "survivor",
			WorkflowType: &commonpb.WorkflowType{Name: "Survivor"},
			TaskQueue:    &taskqueuepb.TaskQueue{Name: "nobody"},
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
				"CrawlTenant": {
					Metadata: map[string][]byte{"encoding": []byte("json/plain")},
					Data:     []byte(`"t1"`),
				},
			}},
		})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := frontend(t, address).ListWorkflowExecutions(ctx,
			&workflowservice.ListWorkflowExecutionsRequest{
				Namespace: "fleet", Query: `CrawlTenant = "t1"`,
			})
		return err == nil && len(list.GetExecutions()) == 1
	}, startTimeout, 10*probeEvery)
}

func describe() *workflowservice.DescribeWorkflowExecutionRequest {
	return &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: "fleet", Execution: &commonpb.WorkflowExecution{WorkflowId: "survivor"},
	}
}
