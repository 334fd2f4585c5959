package client

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
)

// Options say how to connect.
type Options struct {
	// Environ is the environment that holds the SDK's TEMPORAL_* variables.
	Environ []string
	// Address and Namespace are used where the SDK's configuration names none.
	Address, Namespace string
	// Keys are those of the payload codec, the one that encrypts first; none for no codec.
	Keys []Key
	// Logger is the SDK's; default none.
	Logger log.Logger
	// Metrics is the SDK's; default none.
	Metrics client.MetricsHandler
	// Identity names the program in histories; default pid@host.
	Identity string
	// Gateway is the way of a crawler that is off the control side's network; nil for the
	// server itself.
	Gateway *Gateway
}

// Client makes the fleet's calls on one Temporal namespace. It is safe for
// concurrent use.
type Client struct {
	temporal  client.Client
	namespace string
	address   string
	converter converter.DataConverter
}

// Configured reports whether the SDK's configuration (TEMPORAL_ADDRESS or its file)
// names a server: then that one is used and none of ours is needed.
func Configured(environ []string) (bool, error) {
	p, err := profile(environ)
	return p.Address != "", err
}

// Dial connects. It is unavailable when the server does not answer.
func Dial(ctx context.Context, o Options) (*Client, error) {
	options, err := sdkOptions(o)
	if err != nil {
		return nil, err
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, domainError(fmt.Errorf("dial Temporal at %s: %w", options.HostPort, err))
	}
	dialed := New(c, options.Namespace, options.DataConverter)
	dialed.address = options.HostPort
	return dialed, nil
}

// New makes a Client of a connection that is there already, with its namespace and
// its data converter.
func New(c client.Client, namespace string, dc converter.DataConverter) *Client {
	return &Client{temporal: c, namespace: namespace, converter: dc}
}

// Temporal gives the SDK's client, for workers.
func (c *Client) Temporal() client.Client { return c.temporal }

// Namespace is the namespace that all calls go to.
func (c *Client) Namespace() string { return c.namespace }

// Address is the host and port that Dial connected to; empty after New.
func (c *Client) Address() string { return c.address }

// Close ends the connection.
func (c *Client) Close() { c.temporal.Close() }

func profile(environ []string) (envconfig.ClientConfigProfile, error) {
	p, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		EnvLookup: environment(environ),
	})
	if err != nil {
		return p, fmt.Errorf("read Temporal's configuration: %w", err)
	}
	return p, nil
}

func sdkOptions(o Options) (client.Options, error) {
	if o.Gateway != nil {
		return o.Gateway.options(o), nil
	}
	p, err := profile(o.Environ)
	if err != nil {
		return client.Options{}, err
	}
	p.Address = cmp.Or(p.Address, o.Address, client.DefaultHostPort)
	p.Namespace = cmp.Or(p.Namespace, o.Namespace, client.DefaultNamespace)
	options, err := p.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return options, fmt.Errorf("read Temporal's configuration: %w", err)
	}
	if options.DataConverter, err = DataConverter(o.Keys); err != nil {
		return options, err
	}
	// The codec's key may be all that keeps a ticket's failure texts from the server.
	options.FailureConverter = failureConverter(options.DataConverter, len(o.Keys) > 0)
	options.Logger, options.MetricsHandler, options.Identity = o.Logger, o.Metrics, o.Identity
	if options.Logger == nil {
		options.Logger = silent{}
	}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, reconnecting()...)
	if loopback(options.HostPort) {
		// gzip costs more time than it saves where nothing leaves the machine.
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	return options, nil
}

func loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// environment lets the SDK read its variables from a program's own environment list.
type environment []string

// Environ gives all variables.
func (e environment) Environ() []string { return e }

// LookupEnv gives one variable; of several of a name the last, as os.Environ means it.
func (e environment) LookupEnv(name string) (string, bool) {
	for i := len(e) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(e[i], name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// silent drops what the SDK logs.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
