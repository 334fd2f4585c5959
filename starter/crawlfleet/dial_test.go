package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"

	"github.com/crawlfleet/crawlfleet/internal/client"
)

// frontend answers what a client asks when it connects.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (frontend) GetSystemInfo(
	context.Context, *workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func TestDial_WaitsForAServerThatIsStarting(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	core, logs := observer.New(zap.WarnLevel)
	type dialed struct {
		c   *client.Client
		err error
	}
	done := make(chan dialed, 1)
	go func() {
		c, err := dialPatiently(t.Context(), client.Options{Address: address, Namespace: "default"}, zap.New(core))
		done <- dialed{c, err}
	}()
	require.Eventually(t, func() bool { return logs.Len() > 0 }, time.Minute, time.Millisecond)
	require.Equal(t, "Temporal does not answer yet", logs.All()[0].Message)

	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, frontend{})
	l, err = net.Listen("tcp", address)
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	d := <-done
	require.NoError(t, d.err)
	require.Equal(t, address, d.c.Address())
	d.c.Close()
	require.Equal(t, 1, logs.Len(), "it is said once")
}

func TestDial_EndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	core, logs := observer.New(zap.WarnLevel)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := dialPatiently(ctx, client.Options{Address: l.Addr().String(), Namespace: "default"}, zap.New(core))
		done <- err
	}()
	require.Eventually(t, func() bool { return logs.Len() > 0 }, time.Minute, time.Millisecond)
	stop()
	require.Error(t, <-done)
}
