package e2e

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (h *heist) everyOtherQueue() {
	poll := func(q *taskqueuepb.TaskQueue) *workflowservice.PollActivityTaskQueueRequest {
		return &workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: q}
	}
	for _, name := range []string{
		"", fleet.ControlQueue, fleet.DeliverQueue, fleet.LaunchQueue("process"),
		fleet.CrawlQueue(h.theirs.GUID), fleet.CtlQueue(h.theirs.GUID),
		string(h.mine.GUID) + ".other", strings.ToUpper(string(h.mine.GUID)), string(h.mine.GUID) + "\x00",
		"/_sys/" + string(h.theirs.GUID) + "/1", "temporal-sys-worker-commands/default/x",
	} {
		h.refused(codes.PermissionDenied, "PollActivityTaskQueue", poll(&taskqueuepb.TaskQueue{Name: name}), name)
		h.refused(codes.PermissionDenied, "ShutdownWorker", &workflowservice.ShutdownWorkerRequest{
			Namespace: "default", TaskQueue: name,
		}, name)
		h.refused(codes.PermissionDenied, "RecordWorkerHeartbeat", &workflowservice.RecordWorkerHeartbeatRequest{
			Namespace: "default", WorkerHeartbeat: []*workerpb.WorkerHeartbeat{{TaskQueue: name, WorkerInstanceKey: "k"}},
		}, name)
	}
	own := fleet.CrawlQueue(h.mine.GUID)
	h.refused(codes.PermissionDenied, "PollActivityTaskQueue", poll(&taskqueuepb.TaskQueue{
		Name: own, Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: fleet.ControlQueue,
	}))
	h.refused(codes.PermissionDenied, "PollActivityTaskQueue", poll(nil))
	h.refused(codes.PermissionDenied, "ShutdownWorker", &workflowservice.ShutdownWorkerRequest{
		Namespace: "default", TaskQueue: own, StickyTaskQueue: "sticky of another",
	})
}

// everyOtherTask answers the other tenant's task, whose token it knows: it has the form of
// a public protobuf message, and the server itself takes it.
func (h *heist) everyOtherTask() {
	raw := h.rawToken()
	beat := func(token []byte) *workflowservice.RecordActivityTaskHeartbeatRequest {
		return &workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: "default", TaskToken: token}
	}
	_, err := h.Client.Temporal().WorkflowService().RecordActivityTaskHeartbeat(h.t.Context(), beat(raw))
	require.NoError(h.t, err, "the token is good, and the server takes it of anybody")
	maker, hour := h.Maker(h.t), time.Now().Add(time.Hour)
	owner := h.Visit(h.t, maker.Short(h.theirs, hour))
	err = owner.call(h.t.Context(), workflowService+"RecordActivityTaskHeartbeat",
		beat(maker.Seal(h.theirs, raw, hour)), &workflowservice.RecordActivityTaskHeartbeatResponse{})
	require.NoError(h.t, err, "sealed, it is good for its crawler")

	sealed := maker.Seal(h.theirs, raw, hour)
	altered := append([]byte(nil), maker.Seal(h.mine, raw, hour)...)
	altered[len(altered)/2] ^= 1
	for name, token := range map[string][]byte{
		"none": nil, "raw": raw, "replayed": sealed, "altered": altered, "cut": sealed[:20],
		"old": maker.Seal(h.mine, raw, time.Now().Add(-time.Second)),
	} {
		h.refused(codes.PermissionDenied, "RecordActivityTaskHeartbeat", beat(token), name)
		h.refused(codes.PermissionDenied, "RespondActivityTaskCompleted",
			&workflowservice.RespondActivityTaskCompletedRequest{Namespace: "default", TaskToken: token}, name)
		h.refused(codes.PermissionDenied, "RespondActivityTaskFailed",
			&workflowservice.RespondActivityTaskFailedRequest{Namespace: "default", TaskToken: token}, name)
		h.refused(codes.PermissionDenied, "RespondActivityTaskCanceled",
			&workflowservice.RespondActivityTaskCanceledRequest{Namespace: "default", TaskToken: token}, name)
	}
}

// rawToken writes the token of the other tenant's running Crawl, as anybody can who knows
// its ids: namespace, workflow, run, event, attempt and activity.
func (h *heist) rawToken() []byte {
	ctx := h.t.Context()
	about, err := h.Client.Temporal().WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(h.t, err)
	activity := fleet.ActivityCrawlID(h.other.Leased().Epoch)
	var event int64
	history := h.Client.Temporal().GetWorkflowHistory(ctx, h.other.WorkflowID, h.other.RunID, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		require.NoError(h.t, err)
		if e.GetActivityTaskScheduledEventAttributes().GetActivityId() == activity {
			event = e.GetEventId()
		}
	}
	require.NotZero(h.t, event)
	var b []byte
	text := func(field protowire.Number, s string) {
		b = protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	}
	number := func(field protowire.Number, n uint64) {
		b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
	}
	text(1, about.GetNamespaceInfo().GetId())
	text(2, h.other.WorkflowID)
	text(3, h.other.RunID)
	number(4, uint64(event))
	number(5, 1)
	text(6, activity)
	return b
}

// everyOtherWorker comes with another worker's key on the crawler's own queue, whose own
// key was bound when it polled first.
func (h *heist) everyOtherWorker() {
	own := fleet.CrawlQueue(h.mine.GUID)
	h.refused(codes.PermissionDenied, "PollActivityTaskQueue", &workflowservice.PollActivityTaskQueueRequest{
		Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: own}, WorkerInstanceKey: "another",
	})
	h.refused(codes.PermissionDenied, "ShutdownWorker", &workflowservice.ShutdownWorkerRequest{
		Namespace: "default", TaskQueue: own, WorkerInstanceKey: "another",
	})
	h.refused(codes.PermissionDenied, "RecordWorkerHeartbeat", &workflowservice.RecordWorkerHeartbeatRequest{
		Namespace: "default", WorkerHeartbeat: []*workerpb.WorkerHeartbeat{{TaskQueue: own, WorkerInstanceKey: "another"}},
	})
	many := make([]*workerpb.WorkerHeartbeat, 10)
	for i := range many {
		many[i] = &workerpb.WorkerHeartbeat{TaskQueue: own}
	}
	h.refused(codes.PermissionDenied, "RecordWorkerHeartbeat", &workflowservice.RecordWorkerHeartbeatRequest{
		Namespace: "default", WorkerHeartbeat: many,
	})
}
