package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
)

const service = "/temporal.api.workflowservice.v1.WorkflowService/"

var (
	maker = credential.Maker{Fleet: "f-1", Secret: "a secret of the fleet"}
	mine  = fleet.CrawlerRef{Tenant: "acme", GUID: "0a1b2c3d-0000-4000-8000-00000000000a"}
)

// frontend is a Temporal that answers everything, and remembers what it was asked.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	hold chan struct{} // polls wait for it

	mu    sync.Mutex
	asked []proto.Message
	heads []metadata.MD
}

func (f *frontend) note(ctx context.Context, m proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	f.asked, f.heads = append(f.asked, m), append(f.heads, md)
}

func (f *frontend) last() (proto.Message, metadata.MD) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1], f.heads[len(f.heads)-1]
}

// answer serves every call of the interface.
func (f *frontend) answer(ctx context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	f.note(ctx, request.(proto.Message))
	switch info.FullMethod {
	case service + "PollActivityTaskQueue":
		select {
		case <-f.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return &workflowservice.PollActivityTaskQueueResponse{TaskToken: []byte("temporal's own")}, nil
	case service + "DescribeNamespace":
		return &workflowservice.DescribeNamespaceResponse{
			NamespaceInfo: &namespacepb.NamespaceInfo{
				Name: "crawls", Id: "secret-id", OwnerEmail: "ann@example.org", Description: "ours",
				State: enumspb.NAMESPACE_STATE_REGISTERED, Data: map[string]string{"k": "v"},
				Capabilities: &namespacepb.NamespaceInfo_Capabilities{
					WorkerPollCompleteOnShutdown: true, WorkerCommands: true, AsyncUpdate: true,
				},
				Limits: &namespacepb.NamespaceInfo_Limits{BlobSizeLimitError: 7},
			},
			Config: &namespacepb.NamespaceConfig{},
		}, nil
	case service + "GetSystemInfo":
		return &workflowservice.GetSystemInfoResponse{ServerVersion: "1"}, nil
	case service + "RecordActivityTaskHeartbeat":
		return &workflowservice.RecordActivityTaskHeartbeatResponse{CancelRequested: true}, nil
	case service + "RespondActivityTaskCompleted":
		return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
	case service + "RespondActivityTaskFailed":
		return &workflowservice.RespondActivityTaskFailedResponse{}, nil
	case service + "RespondActivityTaskCanceled":
		return &workflowservice.RespondActivityTaskCanceledResponse{}, nil
	case service + "RecordWorkerHeartbeat":
		return &workflowservice.RecordWorkerHeartbeatResponse{}, nil
	default:
		return &workflowservice.ShutdownWorkerResponse{}, nil
	}
}

// counts are what was passed and refused.
type counts struct {
	mu      sync.Mutex
	refused map[string]int
}

func (c *counts) Passed(string) {}

func (c *counts) Refused(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[kind]++
}

func (c *counts) of(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[kind]
}

// rig is a gateway between a crawler's connection and a frontend and a data plane.
type rig struct {
	t        *testing.T
	frontend *frontend
	counts   *counts
	url      string
	tls      *tls.Config
	conn     *grpc.ClientConn
	http     *http.Client

	mu    sync.Mutex
	state fleet.CrawlerState // what the rows say; "" for a data plane that is away
}

func newRig(t *testing.T, edits ...func(*gateway.Options)) *rig {
	t.Helper()
	r := &rig{
		t: t, frontend: &frontend{hold: make(chan struct{})}, counts: &counts{refused: map[string]int{}},
		state: fleet.CrawlerServing,
	}
	plane := httptest.NewServer(http.HandlerFunc(r.servePlane))
	t.Cleanup(plane.Close)
	o := gateway.Options{
		Maker: maker, Temporal: r.startFrontend(), Namespace: "crawls", Plane: plane.URL,
		Count: r.counts, Log: zap.NewNop(),
	}
	for _, edit := range edits {
		edit(&o)
	}
	g, err := gateway.New(o)
	require.NoError(t, err)
	r.serve(g)
	return r
}

func (r *rig) startFrontend() workflowservice.WorkflowServiceClient {
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	s := grpc.NewServer(grpc.UnaryInterceptor(r.frontend.answer))
	workflowservice.RegisterWorkflowServiceServer(s, r.frontend)
	go func() { _ = s.Serve(l) }()
	r.t.Cleanup(s.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = conn.Close() })
	return workflowservice.NewWorkflowServiceClient(conn)
}

func (r *rig) serve(g *gateway.Gateway) {
	text, err := gateway.NewAuthority("f-1", time.Now())
	require.NoError(r.t, err)
	a, err := gateway.ReadAuthority(text)
	require.NoError(r.t, err)
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	names, err := gateway.Names(l.Addr().String())
	require.NoError(r.t, err)
	s, err := gateway.Serve(l, gateway.Issued(a, names), g, zap.NewNop())
	require.NoError(r.t, err)
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(r.t, s.Stop(ctx))
	})
	pool := x509.NewCertPool()
	require.True(r.t, pool.AppendCertsFromPEM(a.PEM()))
	r.tls = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	r.url = "https://" + l.Addr().String()
	r.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(r.tls.Clone())))
	require.NoError(r.t, err)
	transport := &http.Transport{TLSClientConfig: r.tls.Clone(), ForceAttemptHTTP2: true}
	r.http = &http.Client{Transport: transport}
	r.t.Cleanup(func() { _ = r.conn.Close(); transport.CloseIdleConnections() })
}

// servePlane answers as the data plane does to the gateway, and to nobody else.
func (r *rig) servePlane(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	state := r.state
	r.mu.Unlock()
	if state == "" {
		panic(http.ErrAbortHandler)
	}
	if req.Header.Get("Authorization") != "Bearer "+maker.Gateway(mine).Reveal() || req.Header.Get("X-Sneaky") != "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	_ = json.NewEncoder(w).Encode(fleet.Admission{
		State: state, Echo: fleet.EchoAnswer{Address: req.Header.Get(fleet.HeaderPeer)},
	})
}

func (r *rig) say(s fleet.CrawlerState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = s
}

// call makes a call with the crawler's credential.
func (r *rig) call(ctx context.Context, method string, request, answer proto.Message) error {
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+maker.Short(mine, time.Now().Add(time.Hour)).Reveal(),
		"client-name", "temporal-go", "x-sneaky", "1", "temporal-namespace", "another")
	return r.conn.Invoke(ctx, service+method, request, answer)
}
