package gateway

import (
	"context"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// namespaceFresh is how old what is known of the namespace may be: its limits change with
// the server's configuration.
const namespaceFresh = 5 * time.Minute

// namespace answers DescribeNamespace: of the real one its limits, and those capabilities
// that a crawler's workers have a use for. Who owns it, its retention and the rest are
// nobody's business out there.
type namespace struct {
	name     string
	upstream workflowservice.WorkflowServiceClient

	mu     sync.Mutex
	answer *workflowservice.DescribeNamespaceResponse
	asked  time.Time
}

func (n *namespace) describe(ctx context.Context) (*workflowservice.DescribeNamespaceResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.answer != nil && time.Since(n.asked) < namespaceFresh {
		return n.answer, nil
	}
	real, err := n.upstream.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: n.name})
	if err != nil {
		return n.answer, ignoreWhen(n.answer != nil, err)
	}
	can := real.GetNamespaceInfo().GetCapabilities()
	n.asked = time.Now()
	n.answer = &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacepb.NamespaceInfo{
		Name:  n.name,
		State: enumspb.NAMESPACE_STATE_REGISTERED,
		Capabilities: &namespacepb.NamespaceInfo_Capabilities{
			// With it a worker that stops loses no task that is just handed out.
			WorkerPollCompleteOnShutdown: can.GetWorkerPollCompleteOnShutdown(),
			WorkerHeartbeats:             can.GetWorkerHeartbeats(),
		},
		Limits: real.GetNamespaceInfo().GetLimits(),
	}}
	return n.answer, nil
}

// ignoreWhen drops an error where an older answer will do.
func ignoreWhen(older bool, err error) error {
	if older {
		return nil
	}
	return err
}
