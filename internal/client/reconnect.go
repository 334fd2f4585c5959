package client

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A server that was away is to be noticed soon after it is back: tickets wait. The SDK's
// own pauses double up to 10 s, both between two connections and between two polls.
const (
	reconnectFirst = 100 * time.Millisecond
	// reconnectMost bounds the pause between two connections. One connection of a second
	// from each of a thousand crawlers is still little for a server that starts.
	reconnectMost = time.Second
	// connectWithin is for one connection; gRPC's own value.
	connectWithin = 20 * time.Second
	// pollAgain is the pause between two polls while there is no connection. Such a poll
	// does not leave the program: it reads the state of the connection.
	pollAgain = 100 * time.Millisecond
)

// reconnecting are the options of a connection whose workers go on soon after an outage.
func reconnecting() []grpc.DialOption {
	pauses := backoff.DefaultConfig
	pauses.BaseDelay, pauses.MaxDelay = reconnectFirst, reconnectMost
	return []grpc.DialOption{
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: connectWithin}),
		grpc.WithChainUnaryInterceptor(patientPoll),
	}
}

// patientPoll repeats a poll for tasks while the server cannot be reached, so that the
// SDK does not count failures and wait for longer and longer. A poll ends with its context.
func patientPoll(
	ctx context.Context, method string, request, reply any, c *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	for {
		err := invoke(ctx, method, request, reply, c, options...)
		if status.Code(err) != codes.Unavailable || !polls(method) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollAgain):
		}
	}
}

func polls(method string) bool {
	return strings.Contains(method, "/Poll") && strings.HasSuffix(method, "TaskQueue")
}
