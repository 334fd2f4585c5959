package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// Control is what the pages read of the control store; see fleet.Reader,
// fleet.KeyReader and fleet.DeliveryReader.
type Control interface {
	Tenant(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error)
	Ticket(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.TicketRow, error)
	Tickets(ctx context.Context, f fleet.TicketFilter) ([]fleet.TicketRow, error)
	Crawlers(ctx context.Context, t fleet.TenantID) ([]fleet.CrawlerRow, error)
	AllCrawlers(ctx context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error)
	Decisions(ctx context.Context, t fleet.TenantID, id fleet.TicketID) ([]fleet.DecisionRecord, error)
	Bill(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.Bill, error)
	KeyOf(ctx context.Context, digest string) (fleet.KeyRow, error)
	Deliveries(ctx context.Context, t fleet.TenantID, id fleet.TicketID) ([]fleet.Delivery, error)
}

// Steering is what the forms change: everything goes through Temporal.
type Steering interface {
	StartTicket(ctx context.Context, in fleet.TicketInput) (client.Ticket, error)
	WaitTicket(ctx context.Context, workflowID, runID string) (fleet.TicketResult, error)
	CancelTicket(ctx context.Context, workflowID string) error
	PauseTicket(ctx context.Context, workflowID string, r fleet.SteerRequest) (fleet.TicketStatus, error)
	ResumeTicket(ctx context.Context, workflowID string, r fleet.SteerRequest) (fleet.TicketStatus, error)
}

// Options say what the pages are made of. The first four are required.
type Options struct {
	Control Control
	Data    fleet.TenantReader
	// Steer connects to Temporal. It is asked when something is changed: reading works
	// without Temporal.
	Steer func(ctx context.Context) (Steering, error)
	// Secret is the fleet's: sessions are signed with what is derived from it.
	Secret fleet.Secret
	// URL is how tenants reach the pages where a proxy is in between, such as
	// https://crawls.example.com; empty without one.
	URL   string
	Clock func() time.Time // default time.Now
	Log   *zap.Logger      // default none
}

// site serves the pages.
type site struct {
	Options
	sealer   sealer
	failures *failures
	ended    ended
	secure   bool // tenants come over TLS
	proxied  bool
	assets   assets
	forms    templates
}

// New makes the handler of all pages.
func New(o Options) (http.Handler, error) {
	if o.Control == nil || o.Data == nil || o.Steer == nil || o.Secret == "" {
		return nil, errors.New("web: an option is missing")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &site{Options: o, sealer: newSealer(o.Secret), failures: newFailures(), proxied: o.URL != ""}
	protection := http.NewCrossOriginProtection()
	if o.URL != "" {
		u, err := url.Parse(o.URL)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		s.secure = u.Scheme == "https"
		if err := protection.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.forms, err = parseTemplates(); err != nil {
		return nil, err
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, foreignForm())
	}))
	return s.headers(protection.Handler(s.routes())), nil
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{name}", s.assets.serve)
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /login", s.loginForm)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)

	mux.HandleFunc("GET /t/{tenant}", s.read(s.overview))
	mux.HandleFunc("GET /t/{tenant}/tickets", s.read(s.tickets))
	mux.HandleFunc("POST /t/{tenant}/tickets", s.change(s.submit))
	mux.HandleFunc("GET /t/{tenant}/submit", s.read(s.submitForm))
	mux.HandleFunc("GET /t/{tenant}/crawlers", s.read(s.crawlers))
	mux.HandleFunc("GET /t/{tenant}/tickets/{ticket}", s.read(s.ticket))
	for _, f := range forms() {
		mux.HandleFunc("GET /t/{tenant}/tickets/{ticket}/"+f.File(), s.read(s.download(f)))
	}
	for name, act := range s.acts() {
		mux.HandleFunc("POST /t/{tenant}/tickets/{ticket}/"+name, s.change(s.steer(name, act)))
	}
	mux.HandleFunc("/", s.notFound)
	return mux
}

// policy is the content security policy: nothing but our own files, in no frame.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// headers are those of every answer.
func (s *site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// visit is one request of somebody whose key opens the tenant.
type visit struct {
	status  fleet.TenantStatus
	key     string   // the key's name, for the audit trail
	session *session // nil for a request with the key itself
}

func (v *visit) tenant() fleet.TenantID { return v.status.Tenant }

// page serves one page to a visitor; its error becomes the answer.
type page func(w http.ResponseWriter, r *http.Request, v *visit) error

// read lets a visitor in to one of its tenant's pages.
func (s *site) read(serve page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.enter(r)
		if err == nil {
			err = serve(w, r, v)
		}
		s.refuse(w, r, err)
	}
}

// maxForm is the most bytes of a form: a ticket's document, in which each byte of a URL
// may be written as three.
const maxForm = 3 * fleet.MaxDocument

// change is read for a form that changes something. A session has to bring the token of
// the page that the form was on; who sends the key itself is not sent here by a page.
func (s *site) change(serve page) http.HandlerFunc {
	return s.read(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return fleet.Invalid("", "the form cannot be read: "+err.Error(), "a form of this page")
		}
		if v.session != nil && !s.sealer.isToken(v.session, r.PostForm.Get("token")) {
			return foreignForm()
		}
		return serve(w, r, v)
	})
}

func foreignForm() error {
	return fleet.Errorf(fleet.CodeForbidden, "the form did not come from these pages, or is of an older login").
		WithHint("load the page again")
}
