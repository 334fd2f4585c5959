package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	service    = "/temporal.api.workflowservice.v1.WorkflowService/"
	methodPoll = "/PollActivityTaskQueue"
	// callMost bounds every call: a poll is a minute, and ten seconds for the way.
	callMost = 80 * time.Second
)

// rule writes a crawler's request anew: what may be in it, and nothing else, fields that
// this release does not know included. It answers the request that goes on, or why none
// does. After it, reply writes the answer anew where that needs it.
type rule struct {
	request func(*Gateway, *guest, proto.Message) (proto.Message, *refusal)
	reply   func(*Gateway, *guest, proto.Message)
	// answer gives the gateway's own answer; the request goes nowhere.
	answer func(context.Context, *Gateway) (proto.Message, error)
}

// refusal is why a request does not go on.
type refusal struct {
	kind string
	err  error
}

func forbid(kind, message string) *refusal {
	return &refusal{kind, fleet.Errorf(fleet.CodeForbidden, message)}
}

// rules is what a worker of activities needs of Temporal: all that a crawler may call.
func rules() map[string]rule {
	return map[string]rule{
		"GetSystemInfo":               {request: plain(&workflowservice.GetSystemInfoRequest{})},
		"DescribeNamespace":           {answer: describeNamespace},
		"PollActivityTaskQueue":       {request: to(pollRequest), reply: pollReply},
		"RecordActivityTaskHeartbeat": {request: to(heartbeatRequest)},
		"RespondActivityTaskCompleted": {
			request: to(completedRequest),
		},
		"RespondActivityTaskFailed":   {request: to(failedRequest)},
		"RespondActivityTaskCanceled": {request: to(canceledRequest)},
		"RecordWorkerHeartbeat":       {request: to(workerHeartbeatRequest)},
		"ShutdownWorker":              {request: to(shutdownRequest)},
	}
}

// allowed is made once; a rule has no state.
var allowed = rules()

// Calls lists the calls on Temporal that a crawler has, by name.
func Calls() []string { return slices.Sorted(maps.Keys(allowed)) }

// to makes a rule's request of a function of one type of message.
func to[M proto.Message](f func(*Gateway, *guest, M) (M, *refusal)) func(*Gateway, *guest, proto.Message) (proto.Message, *refusal) {
	return func(g *Gateway, from *guest, m proto.Message) (proto.Message, *refusal) {
		typed, ok := m.(M)
		if !ok {
			return nil, forbid(RefusedCall, fmt.Sprintf("a %T is not its message", m))
		}
		return f(g, from, typed)
	}
}

// plain replaces a message that says nothing.
func plain(m proto.Message) func(*Gateway, *guest, proto.Message) (proto.Message, *refusal) {
	return func(*Gateway, *guest, proto.Message) (proto.Message, *refusal) { return proto.Clone(m), nil }
}

func describeNamespace(ctx context.Context, g *Gateway) (proto.Message, error) {
	return g.place.describe(ctx)
}

// serveGRPC lets calls of the table through, before anything of another is read.
func (g *Gateway) serveGRPC(w http.ResponseWriter, r *http.Request, from *guest) {
	method, ours := strings.CutPrefix(r.URL.Path, service)
	if _, ok := allowed[method]; !ours || !ok {
		g.turnAway(w, r, from, RefusedCall, fleet.Errorf(fleet.CodeForbidden, "a crawler has no call "+r.URL.Path))
		return
	}
	ctx, cancel := context.WithTimeout(withGuest(r.Context(), from), callMost)
	defer cancel()
	heard := new(bool)
	g.grpc.ServeHTTP(w, r.WithContext(context.WithValue(ctx, heardKey{}, heard)))
	// What is too long gRPC refuses by itself, before anybody hears of it.
	if !*heard && w.Header().Get("Grpc-Status") == strconv.Itoa(int(codes.ResourceExhausted)) {
		g.refused(from, RefusedSize, r.URL.Path, peerOf(r), fleet.Invalid("",
			fmt.Sprintf("the message has more than %d bytes", g.o.Limits.Message), "a smaller one"))
	}
}

// heardKey is where a call says that the interceptor has heard of it.
type heardKey struct{}

// intercept is the one interceptor between a crawler and Temporal. What has no rule does
// not pass.
func (g *Gateway) intercept(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (any, error) {
	if heard, ok := ctx.Value(heardKey{}).(*bool); ok {
		*heard = true
	}
	from, known := guestOf(ctx)
	r, ok := allowed[strings.TrimPrefix(info.FullMethod, service)]
	message, isProto := request.(proto.Message)
	if !known || !ok || !isProto {
		return nil, g.denied(ctx, from, info.FullMethod, forbid(RefusedCall, "a crawler has no call "+info.FullMethod))
	}
	if r.answer != nil {
		g.o.Count.Passed(info.FullMethod)
		answer, err := r.answer(ctx, g)
		return answer, outward(err)
	}
	message, why := r.request(g, from, message)
	if why != nil {
		return nil, g.denied(ctx, from, info.FullMethod, why)
	}
	g.o.Count.Passed(info.FullMethod)
	answer, err := next(g.outgoing(ctx), message)
	if err != nil {
		return nil, outward(err)
	}
	if reply, ok := answer.(proto.Message); ok && r.reply != nil {
		r.reply(g, from, reply)
	}
	return answer, nil
}

func (g *Gateway) denied(ctx context.Context, from *guest, call string, why *refusal) error {
	at := ""
	if p, ok := peer.FromContext(ctx); ok {
		at = p.Addr.String()
	}
	g.refused(from, why.kind, call, at, why.err)
	e, _ := why.err.(*fleet.Error) //nolint:errorlint // forbid and tooLarge make it
	return status.Error(grpcCode(e), e.Error())
}

// outward gives an error of the upstream connection the form that gRPC sends.
func outward(err error) error {
	if err == nil {
		return nil
	}
	return serviceerror.ToStatus(err).Err()
}

// forwarded are the only headers of a crawler that Temporal gets to see.
var forwarded = []string{"client-name", "client-version", "supported-server-versions", "caller-type"}

// maxHeader is more than any of them has.
const maxHeader = 256

// outgoing is the context of the call upstream: the deadline, and of the metadata what
// Temporal chooses its answers by.
func (g *Gateway) outgoing(ctx context.Context) context.Context {
	in, _ := metadata.FromIncomingContext(ctx)
	out := metadata.MD{}
	for _, name := range forwarded {
		if v := in.Get(name); len(v) == 1 && len(v[0]) <= maxHeader {
			out.Set(name, v[0])
		}
	}
	return metadata.NewOutgoingContext(ctx, out)
}

func (g *Gateway) identity(from *guest) string { return "crawler/" + string(from.GUID) }

// fits refuses payloads that are larger than anything that a crawler has to say.
func (g *Gateway) fits(m ...proto.Message) *refusal {
	size := 0
	for _, one := range m {
		size += proto.Size(one)
	}
	if size > g.o.Limits.Payload {
		return &refusal{RefusedSize, fleet.Invalid("payload",
			fmt.Sprintf("has %d bytes", size), fmt.Sprintf("at most %d", g.o.Limits.Payload))}
	}
	return nil
}

// payloads copies what a message carries, without fields that nobody knows.
func payloads(p *commonpb.Payloads) *commonpb.Payloads {
	if p == nil {
		return nil
	}
	out := &commonpb.Payloads{Payloads: make([]*commonpb.Payload, len(p.GetPayloads()))}
	for i, one := range p.GetPayloads() {
		out.Payloads[i] = &commonpb.Payload{Metadata: one.GetMetadata(), Data: one.GetData()}
	}
	return out
}
