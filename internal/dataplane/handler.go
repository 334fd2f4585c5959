package dataplane

import (
	"context"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Data is the tenants' databases as the data plane writes them.
type Data interface {
	// Claim takes a crawl for a lease; spec is the ticket's, normalised.
	Claim(context.Context, fleet.ClaimRequest, fleet.TicketInput) (fleet.ClaimAnswer, error)
	// Exchange commits a batch under its fence and hands out the next URLs.
	Exchange(context.Context, fleet.ExchangeRequest) (fleet.ExchangeAnswer, error)
}

// Leases is the control store as a claim is checked against it.
type Leases interface {
	// Claimable answers the ticket, normalised and with its page limit and hosts set,
	// when this crawler holds its lease with this epoch. It refuses with not_found (no
	// such ticket) or fenced (no such lease, or not any more).
	Claimable(
		ctx context.Context, t fleet.TenantID, id fleet.TicketID, g fleet.GUID, epoch int64,
	) (fleet.TicketInput, error)
}

// The defaults of Options.
const (
	// DefaultMaxBody holds the links of a large batch: 64 pages of 1,000 links are 10 MiB.
	DefaultMaxBody = 64 << 20
	// DefaultTimeout bounds one call, from its message's last byte on; the longest,
	// 50,000 seeds, takes about a second.
	DefaultTimeout = time.Minute
)

// Options are what a Handler is made of.
type Options struct {
	Data   Data   // required
	Leases Leases // required
	Tokens Tokens // required
	// MaxBody is the most bytes of a request's body; default DefaultMaxBody.
	MaxBody int64
	// Timeout bounds one call; default DefaultTimeout.
	Timeout time.Duration
	// Log takes defects and what is refused; default none.
	Log *zap.Logger
}

// Handler answers the data plane's calls. It is safe for concurrent use.
type Handler struct {
	o   Options
	mux *http.ServeMux
}

// New checks the options and makes a handler.
func New(o Options) (*Handler, error) {
	switch {
	case o.Data == nil || o.Leases == nil:
		return nil, fleet.Invalid("dataplane", "has no store", "Data and Leases")
	case o.Tokens.Fleet == "":
		return nil, fleet.Invalid("dataplane.fleet", "is missing", "the fleet's id")
	case len(o.Tokens.Secret) < minSecret:
		return nil, fleet.Invalid("dataplane.secret", "is too short", "at least 16 bytes")
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	h := &Handler{o: o, mux: http.NewServeMux()}
	h.mux.Handle("POST "+fleet.PathClaim, endpoint(h, h.claim))
	h.mux.Handle("POST "+fleet.PathExchange, endpoint(h, h.exchange))
	h.mux.Handle("POST "+fleet.PathEcho, endpoint(h, h.echo))
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, fleet.Errorf(fleet.CodeNotFound, "there is no call "+r.Method+" "+r.URL.Path))
	})
	return h, nil
}

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.contain(w, r)
	h.mux.ServeHTTP(w, r)
}

// caller is who calls: the crawler that its credential names, and from where.
type caller struct {
	fleet.Key
	address string
}

// own refuses what is another crawler's: a credential gives its own tenant and GUID.
func (c caller) own(t fleet.TenantID, g fleet.GUID) error {
	switch {
	case t != c.Tenant:
		return &fleet.Error{
			Code: fleet.CodeForbidden, Field: "tenant", Message: "is not the credential's tenant",
		}
	case g != c.GUID:
		return &fleet.Error{
			Code: fleet.CodeForbidden, Field: "guid", Message: "is not the credential's crawler",
		}
	default:
		return nil
	}
}

func (h *Handler) claim(
	ctx context.Context, c caller, r fleet.ClaimRequest,
) (a fleet.ClaimAnswer, err error) {
	if err := c.own(r.Tenant, r.GUID); err != nil {
		return a, err
	}
	if err := r.Ticket.Validate(); err != nil {
		return a, err
	}
	spec, err := h.o.Leases.Claimable(ctx, r.Tenant, r.Ticket, r.GUID, r.Epoch)
	if err != nil {
		return a, err
	}
	return h.o.Data.Claim(ctx, r, spec)
}

func (h *Handler) exchange(
	ctx context.Context, c caller, r fleet.ExchangeRequest,
) (a fleet.ExchangeAnswer, err error) {
	if err := c.own(r.Tenant, r.GUID); err != nil {
		return a, err
	}
	if err := r.Ticket.Validate(); err != nil {
		return a, err
	}
	return h.o.Data.Exchange(ctx, r)
}

func (h *Handler) echo(_ context.Context, c caller, _ struct{}) (fleet.EchoAnswer, error) {
	host, _, err := net.SplitHostPort(c.address)
	if err != nil {
		return fleet.EchoAnswer{}, err
	}
	return fleet.EchoAnswer{Address: host}, nil
}
