package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

const workflowService = "/temporal.api.workflowservice.v1.WorkflowService/"

// heist is a fleet with two tenants: of one, whose crawler holds a ticket, the credential
// was stolen; the other's crawl is to go on as if nothing were.
type heist struct {
	*Fleet
	t             *testing.T
	mine, theirs  fleet.CrawlerRef
	ticket, other *Ticket // held; the other tenant's
	*Visitor
}

func newHeist(t *testing.T) *heist {
	// So few that a slow machine can ask for more.
	f := own(t, Options{Gateway: true, Settings: map[string]string{"gateway-rate": "100"}})
	victim, other := f.NewTenant(t, fleet.Plan{}), f.NewTenant(t, fleet.Plan{})
	s := site(t, sample.Options{})
	h := &heist{
		Fleet: f, t: t,
		ticket: victim.Submit(hold(holding(t))),
		other:  other.Submit(maze(s, 120, 100*time.Millisecond)),
	}
	h.mine = fleet.CrawlerRef{Tenant: victim.ID, GUID: h.ticket.Leased().GUID}
	h.theirs = fleet.CrawlerRef{Tenant: other.ID, GUID: h.other.Leased().GUID}
	h.Visitor = f.Visit(t, f.Maker(t).Short(h.mine, time.Now().Add(time.Hour)))
	return h
}

// refused wants a call to be refused with a code.
func (h *heist) refused(code codes.Code, method string, request proto.Message, about ...any) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), Patience)
	defer cancel()
	err := h.call(ctx, workflowService+method, request, &emptypb.Empty{})
	require.Equal(h.t, code, status.Code(err), "%s %v: %v", method, about, err)
}

// TestGateway_StolenCredential tries what is not the crawler's with the credential of a
// live one.
func TestGateway_StolenCredential(t *testing.T) {
	t.Parallel()
	h := newHeist(t)
	tried := map[string]func(){
		"call": h.everyOtherCall, "queue": h.everyOtherQueue, "task": h.everyOtherTask,
		"worker": h.everyOtherWorker, "data_plane": h.everyOtherRow, "size": h.tooLarge,
		"bootstrap": h.theTokenAgain, "credential": h.otherCredentials,
		// The last: a flood has the honest crawler wait, too, who has the same name.
		"rate": h.flood,
	}
	for _, kind := range []string{
		"call", "queue", "task", "worker", "data_plane", "size", "bootstrap", "credential", "rate",
	} {
		before := h.GatewayCounts(t, "crawlfleet_gateway_refusals_total", "kind")[kind]
		tried[kind]()
		after := h.GatewayCounts(t, "crawlfleet_gateway_refusals_total", "kind")[kind]
		require.Greater(t, after, before, "%s is counted", kind)
	}
	for kind, n := range h.GatewayCounts(t, "crawlfleet_gateway_refusals_total", "kind") {
		t.Logf("refused %s: %d", kind, n)
	}
	h.loggedOnce()

	require.EqualValues(t, 120, h.other.End().Counters.Fetched, "nothing else was disturbed")
	require.Len(t, h.other.Crawlers(true), 1, "the other tenant's crawler served on")
	require.Equal(t, h.mine.GUID, h.ticket.Leased().GUID, "the crawler itself goes on as well")
}

// everyOtherCall goes through the service's own description, so that a call of the next
// release is tried too.
func (h *heist) everyOtherCall() {
	allowed := map[string]bool{}
	for _, name := range gateway.Calls() {
		allowed[name] = true
	}
	require.Len(h.t, allowed, 9)
	service := workflowservice.File_temporal_api_workflowservice_v1_service_proto.Services().ByName("WorkflowService")
	tried := 0
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		if allowed[string(m.Name())] {
			continue
		}
		tried++
		h.refused(codes.PermissionDenied, string(m.Name()), h.filled(m.Input()))
	}
	require.Greater(h.t, tried, 90, "the service has far more calls than a crawler")
	for _, method := range []string{
		"/temporal.api.operatorservice.v1.OperatorService/DeleteNamespace",
		"/temporal.server.api.adminservice.v1.AdminService/DescribeCluster",
		"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/temporal.api.workflowservice.v1.WorkflowService/", "/no.such.Service/Call",
		"/temporal.api.workflowservice.v1.WorkflowService/../PollActivityTaskQueue",
	} {
		err := h.call(h.t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
		require.Equal(h.t, codes.PermissionDenied, status.Code(err), "%s: %v", method, err)
	}
	for _, path := range []string{"/", "/metrics", "/livez", "/v1/pages", fleet.PathAdmit, "/v1/claim/../admit", "/debug/pprof/"} {
		code, e := h.post(path, struct{}{}, nil)
		require.Equal(h.t, http.StatusForbidden, code, "%s: %v", path, e.Message)
	}
}

// filled is a request with the names of what exists, where it has such fields.
func (h *heist) filled(d protoreflect.MessageDescriptor) proto.Message {
	m := dynamicpb.NewMessage(d)
	set := func(name, value string) {
		if f := d.Fields().ByName(protoreflect.Name(name)); f != nil && f.Kind() == protoreflect.StringKind && !f.IsList() {
			m.Set(f, protoreflect.ValueOfString(value))
		}
	}
	set("namespace", "default")
	set("workflow_id", h.other.WorkflowID)
	set("run_id", h.other.RunID)
	set("activity_id", fleet.ActivityCrawlID(h.other.Leased().Epoch))
	set("identity", "crawler/"+string(h.mine.GUID))
	return m
}

// loggedOnce wants one line for each kind of refusal of a crawler, and no secret in any.
func (h *heist) loggedOnce() {
	text, err := os.ReadFile(h.log("gateway"))
	require.NoError(h.t, err)
	require.NotContains(h.t, string(text), h.bearer.Reveal())
	require.NotContains(h.t, string(text), h.Maker(h.t).Bootstrap(h.mine).Reveal())
	seen := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var said struct{ Msg, Kind, GUID string }
		if json.Unmarshal([]byte(line), &said) == nil && strings.HasPrefix(said.Msg, "refused") && said.GUID != "" {
			seen[said.GUID+" "+said.Kind]++
		}
	}
	for _, kind := range []string{"call", "queue", "task", "worker", "data_plane", "size", "bootstrap", "rate"} {
		require.Equal(h.t, 1, seen[string(h.mine.GUID)+" "+kind], "%s: %v", kind, seen)
	}
	for who, lines := range seen {
		require.Equal(h.t, 1, lines, who)
	}
}
