package dataplane

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
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
	// Ready is told of a crawler that polls its queues, with the address that it is seen to
	// come from; default nobody. Its errors are the crawler's to hear, and to pass over.
	Ready func(context.Context, fleet.Hello) error
	// Gate answers the gateway which crawlers it may let in; default none: nobody.
	Gate fleet.Gatekeeper
	// MaxBody is the most bytes of a request's body; default DefaultMaxBody.
	MaxBody int64
	// Timeout bounds one call; default DefaultTimeout.
	Timeout time.Duration
	// Running is told which crawls crawlers have; default nobody.
	Running *Running
	// Sights is told where crawlers come from and what hosts answer them; default nobody.
	Sights *Sights
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
	if o.Ready != nil {
		h.mux.Handle("POST "+fleet.PathReady, endpoint(h, h.ready))
	}
	if o.Gate != nil {
		h.mux.Handle("POST "+fleet.PathAdmit, endpoint(h, h.admit))
	}
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
	address string // IP, without a port
	gateway bool   // it is the gateway that calls, for the crawler
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
	brought, err := h.brought(spec)
	if err != nil {
		return a, err
	}
	if a, err = h.o.Data.Claim(ctx, r, spec); err != nil {
		return a, err
	}
	if brought != nil && (a.Session == nil || a.Session.Version < brought.Version) {
		a.Session = brought
	}
	return a, nil
}

// brought is what a ticket's session begins with, nil for nothing.
func (h *Handler) brought(spec fleet.TicketInput) (*fleet.SessionState, error) {
	s := spec.Session
	if s == nil || s.Cookies == "" {
		return nil, nil //nolint:nilnil // most tickets bring none
	}
	m := credential.Maker{Fleet: h.o.Tokens.Fleet, Secret: h.o.Tokens.Secret}
	return m.OpenCookies(spec.Tenant, s.Key, s.Cookies)
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
	c.witnessed(r.Pages)
	h.located(ctx, c)
	a, err = h.o.Data.Exchange(ctx, r)
	if err == nil && a.Next != fleet.NextStop && h.o.Sights != nil {
		h.o.Sights.pages(c, r.Pages, time.Now())
	}
	return a, err
}

func (h *Handler) echo(
	ctx context.Context, c caller, r fleet.EchoRequest,
) (a fleet.EchoAnswer, err error) {
	if err := r.Validate(); err != nil {
		return a, err
	}
	if h.o.Running != nil && r.Runs != nil {
		h.o.Running.note(c.GUID, r.Runs, time.Now())
	}
	h.located(ctx, c)
	return fleet.EchoAnswer{
		Address: c.address, Proof: h.o.Tokens.maker().Prove(c.GUID, c.address, time.Now()),
	}, nil
}

func (h *Handler) ready(ctx context.Context, c caller, hello fleet.Hello) (struct{}, error) {
	if err := c.own(c.Tenant, hello.GUID); err != nil {
		return struct{}{}, err
	}
	hello.Address = c.address
	return struct{}{}, h.o.Ready(ctx, hello)
}

// admit is the gateway's question whether a crawler may come in. What is in the rows
// counts, whatever the crawler has been given.
func (h *Handler) admit(
	ctx context.Context, c caller, r fleet.AdmitRequest,
) (a fleet.Admission, err error) {
	if !c.gateway {
		return a, fleet.Errorf(fleet.CodeForbidden, "this is the gateway's question")
	}
	if err := c.own(r.Tenant, r.GUID); err != nil {
		return a, err
	}
	if a.State, err = h.o.Gate.Admit(ctx, r.Tenant, r.GUID, r.Nonce); err != nil {
		return a, err
	}
	a.Echo, err = h.echo(ctx, c, fleet.EchoRequest{})
	return a, err
}
