package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
)

// goesOn is what may be in the requests that reach Temporal, by call: a field that is not
// here stays with whoever sent it, those of the next release included.
func goesOn() map[string][]string {
	answers := []string{"namespace", "identity", "task_token"}
	return map[string][]string{
		"GetSystemInfo":                nil,
		"PollActivityTaskQueue":        {"namespace", "identity", "task_queue", "worker_instance_key"},
		"RecordActivityTaskHeartbeat":  append(answers, "details"),
		"RespondActivityTaskCompleted": append(answers, "result"),
		"RespondActivityTaskFailed":    append(answers, "failure", "last_heartbeat_details", "cause"),
		"RespondActivityTaskCanceled":  append(answers, "details"),
		"RecordWorkerHeartbeat":        {"namespace", "identity", "worker_heartbeat"},
		"ShutdownWorker":               {"namespace", "identity", "reason", "task_queue", "worker_instance_key", "task_queue_types"},
	}
}

func TestRules_LetOnlyWhatTheyNameGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	close(r.frontend.hold)
	fields := goesOn()
	for _, method := range gateway.Calls() {
		if method == "DescribeNamespace" {
			continue
		}
		want, known := fields[method]
		require.True(t, known, "%s has a rule and is not in this table", method)
		request := full(t, method)
		require.NoError(t, r.call(t.Context(), method, request, &emptypb.Empty{}), method)
		got, head := r.frontend.last()
		got.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			require.Contains(t, want, string(f.Name()), method)
			switch f.Name() {
			case "namespace":
				require.Equal(t, "crawls", v.String(), method)
			case "identity":
				require.Equal(t, "crawler/"+string(mine.GUID), v.String(), method)
			case "task_token":
				require.Equal(t, "temporal's own", string(v.Bytes()), method)
			case "worker_instance_key":
				require.True(t, strings.HasPrefix(v.String(), string(mine.GUID)+"/"), method)
			}
			return true
		})
		require.Empty(t, got.ProtoReflect().GetUnknown(), method)
		require.Empty(t, head.Get("authorization"), method)
		require.Empty(t, head.Get("x-sneaky"), method)
		require.Empty(t, head.Get("temporal-namespace"), "%s: it is for our own client to say", method)
		require.Equal(t, []string{"temporal-go"}, head.Get("client-name"), method)
	}
}

// full is a request with something in every field, and one that nobody knows.
func full(t *testing.T, method string) proto.Message {
	t.Helper()
	d := workflowservice.File_temporal_api_workflowservice_v1_service_proto.Services().ByName("WorkflowService").
		Methods().ByName(protoreflect.Name(method)).Input()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	require.NoError(t, err)
	m := kind.New()
	fill(m, 0)
	m.SetUnknown([]byte{0xfa, 0xff, 0x07, 0x01, 'x'}) // field 16383
	set := func(name string, v any) {
		if f := d.Fields().ByName(protoreflect.Name(name)); f != nil {
			m.Set(f, protoreflect.ValueOf(v))
		}
	}
	if f := d.Fields().ByName("task_queue"); f != nil && f.Kind() == protoreflect.StringKind {
		set("task_queue", fleet.CrawlQueue(mine.GUID))
	} else if f != nil {
		q := &taskqueuepb.TaskQueue{Name: fleet.CrawlQueue(mine.GUID), Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
		set("task_queue", q.ProtoReflect())
	}
	set("sticky_task_queue", "")
	set("task_token", maker.Seal(mine, []byte("temporal's own"), time.Now().Add(time.Hour)))
	if beat, ok := m.Interface().(*workflowservice.RecordWorkerHeartbeatRequest); ok {
		beat.WorkerHeartbeat = beat.WorkerHeartbeat[:1]
		beat.WorkerHeartbeat[0].TaskQueue = fleet.CrawlQueue(mine.GUID)
	}
	return m.Interface()
}

// fill sets every field, three messages deep.
func fill(m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case f.IsMap(), f.ContainingOneof() != nil && f.Index() > f.ContainingOneof().Fields().Get(0).Index():
		case f.IsList() && f.Message() != nil:
			if depth < 3 {
				v := m.Mutable(f).List().AppendMutable()
				fill(v.Message(), depth+1)
			}
		case f.IsList():
			m.Mutable(f).List().Append(scalar(f))
		case f.Message() != nil:
			if depth < 3 {
				fill(m.Mutable(f).Message(), depth+1)
			}
		default:
			m.Set(f, scalar(f))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("x")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("x"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	default:
		return protoreflect.ValueOfInt64(1)
	}
}

func TestRules_SealTasksAndHideTheNamespace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	close(r.frontend.hold)
	var task workflowservice.PollActivityTaskQueueResponse
	require.NoError(t, r.call(t.Context(), "PollActivityTaskQueue", &workflowservice.PollActivityTaskQueueRequest{
		TaskQueue: &taskqueuepb.TaskQueue{Name: fleet.CtlQueue(mine.GUID)},
	}, &task))
	require.NotContains(t, string(task.GetTaskToken()), "temporal")
	token, err := maker.Open(mine, task.GetTaskToken(), time.Now())
	require.NoError(t, err)
	require.Equal(t, "temporal's own", string(token))

	for range 2 {
		var about workflowservice.DescribeNamespaceResponse
		require.NoError(t, r.call(t.Context(), "DescribeNamespace", &workflowservice.DescribeNamespaceRequest{}, &about))
		i := about.GetNamespaceInfo()
		require.Equal(t, "crawls", i.GetName())
		require.EqualValues(t, 7, i.GetLimits().GetBlobSizeLimitError())
		require.True(t, i.GetCapabilities().GetWorkerPollCompleteOnShutdown())
		require.False(t, i.GetCapabilities().GetWorkerCommands())
		require.Empty(t, i.GetId()+i.GetOwnerEmail()+i.GetDescription())
		require.Empty(t, i.GetData())
		require.Nil(t, about.GetConfig())
	}
}

func TestGateway_BoundsWhatRunsAtOneTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *gateway.Options) { o.Limits.Polls, o.Limits.AtOnce = 2, 3 })
	ctx, cancel := context.WithCancel(t.Context())
	poll := func() error {
		return r.call(ctx, "PollActivityTaskQueue", &workflowservice.PollActivityTaskQueueRequest{
			TaskQueue: &taskqueuepb.TaskQueue{Name: fleet.CrawlQueue(mine.GUID)},
		}, &workflowservice.PollActivityTaskQueueResponse{})
	}
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- poll() }()
	}
	polls := func() int {
		r.frontend.mu.Lock()
		defer r.frontend.mu.Unlock()
		return len(r.frontend.asked)
	}
	require.Eventually(t, func() bool { return polls() == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, codes.ResourceExhausted, status.Code(poll()))
	require.Equal(t, 1, r.counts.of(gateway.RefusedAtOnce))
	require.NoError(t, r.call(t.Context(), "GetSystemInfo", &workflowservice.GetSystemInfoRequest{}, &emptypb.Empty{}),
		"other calls have room")
	cancel()
	for range 2 {
		require.Error(t, <-ended)
	}
	require.Eventually(t, func() bool { // they have been counted out
		return r.call(t.Context(), "GetSystemInfo", &workflowservice.GetSystemInfoRequest{}, &emptypb.Empty{}) == nil
	}, time.Minute, time.Millisecond)
}

func TestGateway_TurnsAwayWhatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func() error {
		return r.call(t.Context(), "GetSystemInfo", &workflowservice.GetSystemInfoRequest{}, &emptypb.Empty{})
	}
	require.NoError(t, ask())
	r.say("")
	require.NoError(t, ask(), "a data plane that is away turns nobody away")
	r.say(fleet.CrawlerRetired)
	require.NoError(t, ask(), "a retired crawler hands back")
	require.Equal(t, http.StatusForbidden, r.post(fleet.PathRenew, maker.Short(mine, time.Now().Add(time.Hour))))
	r.say(fleet.CrawlerGone)
	require.Eventually(t, func() bool { return status.Code(ask()) == codes.PermissionDenied }, time.Minute, 50*time.Millisecond)
	require.Positive(t, r.counts.of(gateway.RefusedGone))
}

// post calls the gateway's own interface with a bearer.
func (r *rig) post(path string, bearer fleet.Secret) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+path, strings.NewReader("{}"))
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+bearer.Reveal())
	req.Header.Set("X-Sneaky", "1")
	res, err := r.http.Do(req)
	require.NoError(r.t, err)
	require.NoError(r.t, res.Body.Close())
	return res.StatusCode
}

func TestGateway_CarriesNothingButTheBody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Equal(t, http.StatusOK, r.post(fleet.PathEcho, maker.Short(mine, time.Now().Add(time.Hour))),
		"the data plane saw the gateway's own token, and none of the crawler's headers")
	for _, path := range []string{fleet.PathAdmit, "/", "/metrics", fleet.PathEcho + "/", "/v1/echo?x=1/../admit"} {
		want := http.StatusForbidden
		if strings.HasPrefix(path, fleet.PathEcho+"?") {
			want = http.StatusOK
		}
		require.Equal(t, want, r.post(path, maker.Short(mine, time.Now().Add(time.Hour))), path)
	}
	r.say("")
	require.Equal(t, http.StatusServiceUnavailable, r.post(fleet.PathEcho, maker.Short(mine, time.Now().Add(time.Hour))))
}

func TestServer_SpeaksTLSOfTodayOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old := r.tls.Clone()
	old.MaxVersion = 0x0303 // TLS 1.2
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: old, ForceAttemptHTTP2: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, http.NoBody)
	require.NoError(t, err)
	res, err := client.Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	require.Error(t, err)
}
