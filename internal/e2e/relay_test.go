package e2e

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// relay stands before Temporal and carries every call as it is, but for what its meddler does.
type relay struct {
	Address string
	server  *grpc.ClientConn
	meddle  meddler
}

// meddler answers a call in Temporal's place, or by carrying it.
type meddler func(method string, request []byte, carry func() ([]byte, error)) ([]byte, error)

// errCut is what a caller sees of a connection that breaks.
var errCut = status.Error(codes.Unavailable, "the connection was cut")

// newRelay relays to an address until the test ends.
func newRelay(t *testing.T, to string, meddle meddler) *relay {
	t.Helper()
	conn, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback+":0")
	require.NoError(t, err)
	r := &relay{Address: l.Addr().String(), server: conn, meddle: meddle}
	s := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(r.carry))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	})
	return r
}

func (r *relay) carry(_ any, s grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(s)
	var request []byte
	if err := s.RecvMsg(&request); err != nil {
		return err
	}
	ctx := s.Context()
	if m, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, m)
	}
	answer, err := r.meddle(method, request, func() (answer []byte, err error) {
		err = r.server.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(raw{}))
		return answer, err
	})
	if err != nil {
		return err
	}
	return s.SendMsg(&answer)
}

// raw leaves messages as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("a %T is not raw", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("a %T is not raw", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

// task reads the Crawl that a poll was answered with, nil for any other answer.
func task(answer []byte) []byte {
	var t workflowservice.PollActivityTaskQueueResponse
	if proto.Unmarshal(answer, &t) != nil || t.GetActivityType().GetName() != fleet.ActivityCrawl {
		return nil
	}
	return t.GetTaskToken()
}

// resultOf reads the task whose result a call tells.
func resultOf(request []byte) []byte {
	var r workflowservice.RespondActivityTaskCompletedRequest
	_ = proto.Unmarshal(request, &r) // one that cannot be read has no token
	return r.GetTaskToken()
}
