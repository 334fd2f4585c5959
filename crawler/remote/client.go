package remote

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The defaults of Options.
const (
	// DefaultPatience is how long a data plane may be away before a crawl fails: as long
	// as a crawler goes on without hearing from the control side at all.
	DefaultPatience = 10 * time.Minute
	// DefaultAttempt bounds one try: longer than the server needs for its largest call.
	DefaultAttempt = 90 * time.Second
)

// Options say where the data plane is and who asks.
type Options struct {
	URL   string       // base URL of the data plane, http or https; required
	Token fleet.Secret // the crawler's credential, or its bootstrap token; required
	// Gateway says that the URL, an https one, is the gateway's, and Token a bootstrap token.
	// CA is the PEM of the authority that its certificate is checked by; empty for those of
	// the system.
	Gateway bool
	CA      []byte
	// Source is the address to connect from, so that the echo sees the crawler's own
	// egress address; default the system's choice. It is used when the data plane is on
	// loopback, or always with SourceAny: from a loopback source no other address can be
	// reached.
	Source    netip.Addr
	SourceAny bool
	// Patience is how long a call is repeated while the data plane is away; default
	// DefaultPatience, negative for a single try.
	Patience time.Duration
	// Attempt bounds one try; default DefaultAttempt.
	Attempt time.Duration
	Log     *zap.Logger // is told when the data plane is away and back; default none
}

// Client calls the data plane. It is safe for concurrent use; of one claim, though,
// there is one exchange at a time.
type Client struct {
	base      *url.URL
	token     fleet.Secret
	pass      *pass // at the gateway; nil elsewhere
	http      *http.Client
	transport *http.Transport
	patience  time.Duration
	attempt   time.Duration
	log       *zap.Logger
}

// New checks the options. It does not connect.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.URL, "/"))
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, fleet.Invalid("dataplane", "is not a base URL", "http://host:port").
			WithHint("a crawler is given it in " + fleet.EnvDataPlane)
	case o.Token == "":
		return nil, fleet.Invalid("token", "is missing", "the crawler's credential").
			WithHint("a crawler is given it in " + fleet.EnvToken)
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.Attempt <= 0 {
		o.Attempt = DefaultAttempt
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	transport := newTransport(o.Source, o.SourceAny)
	var entrance *pass
	if o.Gateway {
		if base.Scheme != "https" {
			return nil, fleet.Invalid("gateway", "is not an https URL", "https://host:port").
				WithHint("a crawler is given it in " + fleet.EnvGateway)
		}
		settings, err := tlsFor(o.CA)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig, entrance = settings, newPass(o.Token)
	}
	return &Client{
		pass: entrance,
		base: base, token: o.Token, transport: transport, log: o.Log,
		patience: o.Patience, attempt: o.Attempt,
		http: &http.Client{
			Transport: transport,
			// A redirect could lead the credential elsewhere: it is an error instead.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Claim claims a ticket's crawl under a lease. A refusal is a *fleet.Error with code
// fenced, not_found or forbidden. A repeat after a lost answer claims again, which
// loses nothing.
func (c *Client) Claim(ctx context.Context, r fleet.ClaimRequest) (a fleet.ClaimAnswer, err error) {
	err = c.call(ctx, fleet.PathClaim, r, &a)
	return a, err
}

// Exchange commits a batch and takes work. It is repeated after a lost answer with the
// same number, which the data plane knows: nothing is applied twice.
func (c *Client) Exchange(
	ctx context.Context, r fleet.ExchangeRequest,
) (a fleet.ExchangeAnswer, err error) {
	err = c.call(ctx, fleet.PathExchange, r, &a)
	return a, err
}

// Echo answers the address that the data plane sees this crawler come from.
func (c *Client) Echo(ctx context.Context, r fleet.EchoRequest) (a fleet.EchoAnswer, err error) {
	err = c.call(ctx, fleet.PathEcho, r, &a)
	return a, err
}

// Ready says that this crawler polls its queues. It is a hint, and no error is worth a
// repeat of it.
func (c *Client) Ready(ctx context.Context, h fleet.Hello) error {
	return c.call(ctx, fleet.PathReady, h, &struct{}{})
}

// TLS is what another connection to the gateway, that of Temporal's SDK, is made with; it
// goes on with the session of the first.
func (c *Client) TLS() *tls.Config { return c.transport.TLSClientConfig.Clone() }

// Address is the host and port that the client calls.
func (c *Client) Address() string {
	if c.base.Port() != "" {
		return c.base.Host
	}
	return net.JoinHostPort(c.base.Hostname(), "443")
}

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
