package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Gateway says how a crawler reaches Temporal through the gateway. What the environment
// says of Temporal does not count then, and payloads are plain: the gateway has the keys.
type Gateway struct {
	TLS *tls.Config
	// Bearer gives the credential of a call. The connection is made while it is waited for.
	Bearer func(context.Context) (fleet.Secret, error)
}

func (g *Gateway) options(o Options) client.Options {
	out := client.Options{
		HostPort: o.Address, Namespace: o.Namespace, Identity: o.Identity, Logger: o.Logger,
		MetricsHandler: o.Metrics,
		ConnectionOptions: client.ConnectionOptions{
			TLS: g.TLS,
			// Messages of a crawler are small; its pages do not go this way.
			GrpcCompression: &client.GrpcCompressionNone{},
			DialOptions:     append(reconnecting(), grpc.WithPerRPCCredentials(bearer(g.Bearer))),
		},
		DataConverter: converter.GetDefaultDataConverter(),
	}
	if out.Logger == nil {
		out.Logger = silent{}
	}
	return out
}

// bearer shows a credential at each call.
type bearer func(context.Context) (fleet.Secret, error)

// GetRequestMetadata gives the header. A gateway that is away is unavailable, as a server
// would be.
func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b(ctx)
	switch {
	case err == nil:
		return map[string]string{"authorization": "Bearer " + token.Reveal()}, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, status.FromContextError(err).Err()
	case fleet.CodeOf(err).Retryable():
		return nil, status.Error(codes.Unavailable, err.Error())
	default:
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
}

// RequireTransportSecurity keeps the credential off a connection in the clear.
func (bearer) RequireTransportSecurity() bool { return true }

// Upstream connects as the gateway does, to carry the calls of crawlers: at the first of
// them, so that it may start before the server. With keys, what crawlers send is encrypted
// on the way in and decrypted on the way out; they have none themselves.
func Upstream(o Options) (*Client, error) {
	options, err := sdkOptions(o)
	if err != nil {
		return nil, err
	}
	around, err := encrypting(o.Keys)
	if err != nil {
		return nil, err
	}
	if len(around) > 0 {
		options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
			grpc.WithChainUnaryInterceptor(around...))
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, domainError(fmt.Errorf("connect to Temporal at %s: %w", options.HostPort, err))
	}
	upstream := New(c, options.Namespace, options.DataConverter)
	upstream.address = options.HostPort
	return upstream, nil
}

// encrypting does at the connection what a client with keys does before it: failures first,
// because what they hide is a payload afterwards.
func encrypting(keys []Key) ([]grpc.UnaryClientInterceptor, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	codec, err := newCodec(keys)
	if err != nil {
		return nil, err
	}
	failures, err := converter.NewFailureGRPCClientInterceptor(converter.NewFailureGRPCClientInterceptorOptions{
		EncodeCommonAttributes: true,
	})
	if err != nil {
		return nil, fmt.Errorf("encrypt failures: %w", err)
	}
	payloads, err := converter.NewPayloadCodecGRPCClientInterceptor(
		converter.PayloadCodecGRPCClientInterceptorOptions{Codecs: []converter.PayloadCodec{codec}})
	if err != nil {
		return nil, fmt.Errorf("encrypt payloads: %w", err)
	}
	return []grpc.UnaryClientInterceptor{failures, payloads}, nil
}
