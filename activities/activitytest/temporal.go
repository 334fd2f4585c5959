package activitytest

import (
	"context"
	"slices"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Temporal is a client that notes what it is asked and knows which workflows run.
type Temporal struct {
	// On, where set, is told of each message after it was noted.
	On func(Message)
	// Err is answered by every call while it is set.
	Err error
	// Missing is a search attribute that the namespace does not have.
	Missing string
	// Pending are the activities under way, by workflow id. Set it before any call.
	Pending map[string][]*workflowpb.PendingActivityInfo

	// Listed are the executions that a list answers until they are deleted, Schedules
	// the ids of the schedules likewise.
	Listed    []*commonpb.WorkflowExecution
	Schedules []string

	mu       sync.Mutex
	messages []Message
	closed   map[string]bool // not found, or closed
}

// Message is one call: a signal, a signal with start, a start (execute), a cancel or a failed activity.
type Message struct {
	Kind, WorkflowID, Name string
	Arg                    any
	Err                    error
	Task                   time.Duration // what a start says a workflow task may take
}

// NewTemporal makes a client to which every workflow runs.
func NewTemporal() *Temporal { return &Temporal{closed: map[string]bool{}} }

// Close marks a workflow as closed.
func (t *Temporal) Close(workflowID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed[workflowID] = true
}

// Messages answers what was sent, of one kind; of all kinds when it is empty.
func (t *Temporal) Messages(kind string) []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.messages), func(m Message) bool {
		return kind != "" && m.Kind != kind
	})
}

func (t *Temporal) send(m Message) error {
	t.mu.Lock()
	if t.Err != nil {
		t.mu.Unlock()
		return t.Err
	}
	t.messages = append(t.messages, m)
	closed := t.closed[m.WorkflowID] && m.Kind != "start" && m.Kind != "execute"
	t.mu.Unlock()
	if closed {
		return serviceerror.NewNotFound("workflow execution already completed")
	}
	if t.On != nil {
		t.On(m)
	}
	return nil
}

// SignalWorkflow notes a "signal".
func (t *Temporal) SignalWorkflow(_ context.Context, id, _, name string, arg any) error {
	return t.send(Message{Kind: "signal", WorkflowID: id, Name: name, Arg: arg})
}

// SignalWithStartWorkflow notes a "start".
func (t *Temporal) SignalWithStartWorkflow(
	_ context.Context, id, name string, arg any, o client.StartWorkflowOptions, _ any, _ ...any,
) (client.WorkflowRun, error) {
	return nil, t.send(Message{Kind: "start", WorkflowID: id, Name: name, Arg: arg, Task: o.WorkflowTaskTimeout})
}

// ExecuteWorkflow notes an "execute" with the workflow's type as its name.
func (t *Temporal) ExecuteWorkflow(
	_ context.Context, o client.StartWorkflowOptions, workflow any, args ...any,
) (client.WorkflowRun, error) {
	name, _ := workflow.(string) // all ours are started by name
	m := Message{Kind: "execute", WorkflowID: o.ID, Name: name, Task: o.WorkflowTaskTimeout}
	if len(args) > 0 {
		m.Arg = args[0]
	}
	return nil, t.send(m)
}

// CancelWorkflow notes a "cancel".
func (t *Temporal) CancelWorkflow(_ context.Context, id, _ string) error {
	return t.send(Message{Kind: "cancel", WorkflowID: id})
}

// CompleteActivityByID notes a "complete" with the activity's id as its name.
func (t *Temporal) CompleteActivityByID(
	_ context.Context, _, id, _, activityID string, result any, err error,
) error {
	return t.send(Message{Kind: "complete", WorkflowID: id, Name: activityID, Arg: result, Err: err})
}

// DescribeWorkflowExecution answers running, or not found.
func (t *Temporal) DescribeWorkflowExecution(
	_ context.Context, id, _ string,
) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if err := t.send(Message{Kind: "describe", WorkflowID: id}); err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		PendingActivities: t.Pending[id],
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id},
			Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		},
	}, nil
}

// OperatorService answers the search attributes of a fleet.
func (t *Temporal) OperatorService() operatorservice.OperatorServiceClient {
	return operator{t: t}
}

type operator struct {
	operatorservice.OperatorServiceClient
	t *Temporal
}

func (o operator) ListSearchAttributes(
	context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption,
) (*operatorservice.ListSearchAttributesResponse, error) {
	if o.t.Err != nil {
		return nil, o.t.Err
	}
	all := map[string]enumspb.IndexedValueType{}
	for _, name := range fleet.SearchAttributes() {
		all[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	delete(all, o.t.Missing)
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: all}, nil
}
