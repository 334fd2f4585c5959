package gateway

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// sealSlack is how long after its own end a task can still be answered: a server that
	// was away takes the answer when it is back.
	sealSlack = time.Hour
	// sealMost is for a task without an end.
	sealMost = 31 * 24 * time.Hour
	// maxWorkers is how many workers one crawler has: one for each of its queues.
	maxWorkers = 2
)

func (g *guest) owns(queue string) bool {
	return queue == fleet.CrawlQueue(g.GUID) || queue == fleet.CtlQueue(g.GUID)
}

func pollRequest(
	g *Gateway, from *guest, in *workflowservice.PollActivityTaskQueueRequest,
) (*workflowservice.PollActivityTaskQueueRequest, *refusal) {
	queue := in.GetTaskQueue()
	if !from.owns(queue.GetName()) || queue.GetNormalName() != "" ||
		queue.GetKind() != enumspb.TASK_QUEUE_KIND_NORMAL && queue.GetKind() != enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		return nil, forbid(RefusedQueue, "the task queue is not the crawler's own")
	}
	key, ok := from.key(queue.GetName(), in.GetWorkerInstanceKey())
	if !ok {
		return nil, forbid(RefusedWorker, "the worker's key is not the one that came first")
	}
	return &workflowservice.PollActivityTaskQueueRequest{
		Namespace:         g.o.Namespace,
		TaskQueue:         &taskqueuepb.TaskQueue{Name: queue.GetName(), Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Identity:          g.identity(from),
		WorkerInstanceKey: key,
	}, nil
}

// pollReply seals the task's token for the crawler that it goes to.
func pollReply(g *Gateway, from *guest, m proto.Message) {
	task, ok := m.(*workflowservice.PollActivityTaskQueueResponse)
	if !ok || len(task.GetTaskToken()) == 0 {
		return
	}
	task.TaskToken = g.o.Maker.Seal(from.CrawlerRef, task.GetTaskToken(), time.Now().Add(lasting(task)))
	task.PollerGroupsInfo = nil
}

// lasting is how long a task's token is good for.
func lasting(task *workflowservice.PollActivityTaskQueueResponse) time.Duration {
	most := sealMost
	for _, d := range []time.Duration{
		task.GetStartToCloseTimeout().AsDuration(), task.GetScheduleToCloseTimeout().AsDuration(),
	} {
		if d > 0 {
			most = min(most, d+sealSlack)
		}
	}
	return most
}

// open gives Temporal's own token of a task of this crawler.
func (g *Gateway) open(from *guest, sealed []byte) ([]byte, *refusal) {
	token, err := g.o.Maker.Open(from.CrawlerRef, sealed, time.Now())
	if err != nil {
		return nil, &refusal{RefusedTask, err}
	}
	return token, nil
}

func heartbeatRequest(
	g *Gateway, from *guest, in *workflowservice.RecordActivityTaskHeartbeatRequest,
) (*workflowservice.RecordActivityTaskHeartbeatRequest, *refusal) {
	token, why := g.open(from, in.GetTaskToken())
	if why == nil {
		why = g.fits(in.GetDetails())
	}
	return &workflowservice.RecordActivityTaskHeartbeatRequest{
		Namespace: g.o.Namespace, Identity: g.identity(from), TaskToken: token, Details: payloads(in.GetDetails()),
	}, why
}

func completedRequest(
	g *Gateway, from *guest, in *workflowservice.RespondActivityTaskCompletedRequest,
) (*workflowservice.RespondActivityTaskCompletedRequest, *refusal) {
	token, why := g.open(from, in.GetTaskToken())
	if why == nil {
		why = g.fits(in.GetResult())
	}
	return &workflowservice.RespondActivityTaskCompletedRequest{
		Namespace: g.o.Namespace, Identity: g.identity(from), TaskToken: token, Result: payloads(in.GetResult()),
	}, why
}

func failedRequest(
	g *Gateway, from *guest, in *workflowservice.RespondActivityTaskFailedRequest,
) (*workflowservice.RespondActivityTaskFailedRequest, *refusal) {
	token, why := g.open(from, in.GetTaskToken())
	if why == nil {
		why = g.fits(in.GetFailure(), in.GetLastHeartbeatDetails())
	}
	return &workflowservice.RespondActivityTaskFailedRequest{
		Namespace: g.o.Namespace, Identity: g.identity(from), TaskToken: token, Failure: in.GetFailure(),
		LastHeartbeatDetails: payloads(in.GetLastHeartbeatDetails()), Cause: in.GetCause(),
	}, why
}

func canceledRequest(
	g *Gateway, from *guest, in *workflowservice.RespondActivityTaskCanceledRequest,
) (*workflowservice.RespondActivityTaskCanceledRequest, *refusal) {
	token, why := g.open(from, in.GetTaskToken())
	if why == nil {
		why = g.fits(in.GetDetails())
	}
	return &workflowservice.RespondActivityTaskCanceledRequest{
		Namespace: g.o.Namespace, Identity: g.identity(from), TaskToken: token, Details: payloads(in.GetDetails()),
	}, why
}

// workerHeartbeatRequest lets a crawler tell of its own workers: so they are seen in the
// Web UI, under keys that nobody else can have.
func workerHeartbeatRequest(
	g *Gateway, from *guest, in *workflowservice.RecordWorkerHeartbeatRequest,
) (*workflowservice.RecordWorkerHeartbeatRequest, *refusal) {
	if why := g.fits(in); why != nil {
		return nil, why
	}
	if len(in.GetWorkerHeartbeat()) > maxWorkers {
		return nil, forbid(RefusedWorker, "a crawler has two workers")
	}
	out := &workflowservice.RecordWorkerHeartbeatRequest{Namespace: g.o.Namespace, Identity: g.identity(from)}
	for _, beat := range in.GetWorkerHeartbeat() {
		own, why := g.heartbeat(from, beat)
		if why != nil {
			return nil, why
		}
		out.WorkerHeartbeat = append(out.WorkerHeartbeat, own)
	}
	return out, nil
}

// heartbeat is a crawler's word on one of its workers: its queue, its slots and polls.
func (g *Gateway) heartbeat(from *guest, in *workerpb.WorkerHeartbeat) (*workerpb.WorkerHeartbeat, *refusal) {
	if !from.owns(in.GetTaskQueue()) {
		return nil, forbid(RefusedQueue, "the task queue is not the crawler's own")
	}
	key, ok := from.key(in.GetTaskQueue(), in.GetWorkerInstanceKey())
	if !ok || key == "" {
		return nil, forbid(RefusedWorker, "the worker's key is not the one that came first")
	}
	return &workerpb.WorkerHeartbeat{
		WorkerInstanceKey: key, WorkerIdentity: g.identity(from), TaskQueue: in.GetTaskQueue(),
		SdkName: in.GetSdkName(), SdkVersion: in.GetSdkVersion(), Status: in.GetStatus(),
		StartTime: in.GetStartTime(), HeartbeatTime: in.GetHeartbeatTime(),
		ElapsedSinceLastHeartbeat: in.GetElapsedSinceLastHeartbeat(),
		ActivityTaskSlotsInfo:     in.GetActivityTaskSlotsInfo(), ActivityPollerInfo: in.GetActivityPollerInfo(),
	}, nil
}

// shutdownRequest ends the polls of one of the crawler's own queues.
func shutdownRequest(
	g *Gateway, from *guest, in *workflowservice.ShutdownWorkerRequest,
) (*workflowservice.ShutdownWorkerRequest, *refusal) {
	if !from.owns(in.GetTaskQueue()) || in.GetStickyTaskQueue() != "" {
		return nil, forbid(RefusedQueue, "the task queue is not the crawler's own")
	}
	key, ok := from.key(in.GetTaskQueue(), in.GetWorkerInstanceKey())
	if !ok {
		return nil, forbid(RefusedWorker, "the worker's key is not the one that came first")
	}
	return &workflowservice.ShutdownWorkerRequest{
		Namespace: g.o.Namespace, Identity: g.identity(from), Reason: "the crawler ends",
		TaskQueue: in.GetTaskQueue(), WorkerInstanceKey: key,
		TaskQueueTypes: []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	}, nil
}
