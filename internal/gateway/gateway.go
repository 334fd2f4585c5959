package gateway

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // a crawler may send it so

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// Options are what a Gateway is made of. Maker to Plane are required.
type Options struct {
	// Maker makes and checks the fleet's tokens.
	Maker credential.Maker
	// Temporal is the frontend, and Namespace the only one that crawlers get to.
	Temporal  workflowservice.WorkflowServiceClient
	Namespace string
	// Plane is the data plane's base URL, on loopback or the control network.
	Plane string

	// Limits bound what one crawler may do; zero fields have defaults.
	Limits Limits
	// Lasts is how long a credential is good for; default DefaultLasts.
	Lasts time.Duration
	// Count is told of requests and refusals; default nobody.
	Count Count
	Log   *zap.Logger // default none
}

// DefaultLasts bounds what a stolen credential is worth, and how long the control side
// may be away before crawlers stand at a closed door: longer than they go on without it.
const DefaultLasts = 15 * time.Minute

// Count takes what happens, for metrics. Neither names a crawler.
type Count interface {
	// Passed is told of a request that was let through, by its path or method.
	Passed(call string)
	// Refused is told of a refusal, by its kind.
	Refused(kind string)
}

// Gateway is the handler of the listener. It is safe for concurrent use.
type Gateway struct {
	o      Options
	grpc   *grpc.Server
	plane  *plane
	proxy  *httputil.ReverseProxy
	guests *guests
	place  *namespace
	knocks *limiters // bootstraps by address
}

// New checks the options and makes a gateway.
func New(o Options) (*Gateway, error) {
	base, err := url.Parse(strings.TrimSuffix(o.Plane, "/"))
	switch {
	case o.Temporal == nil || o.Namespace == "":
		return nil, fleet.Invalid("gateway.temporal", "is missing", "a Temporal frontend and its namespace")
	case err != nil || base.Host == "":
		return nil, fleet.Invalid("gateway.dataPlane", "is not a base URL", "http://host:port")
	case o.Maker.Fleet == "" || len(o.Maker.Secret) < credential.MinSecret:
		return nil, fleet.Invalid("gateway.secret", "is missing or too short", "the fleet's id and secret")
	}
	if o.Lasts <= 0 {
		o.Lasts = DefaultLasts
	}
	if o.Count == nil {
		o.Count = uncounted{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Limits = o.Limits.withDefaults()
	g := &Gateway{o: o, plane: newPlane(base, o.Maker)}
	g.proxy = g.reverse(base)
	g.guests = newGuests(o.Limits, g.plane)
	g.knocks = newLimiters(o.Limits.Knocks, int(o.Limits.Knocks)*knockBurst)
	g.place = &namespace{name: o.Namespace, upstream: o.Temporal}
	through, err := proxy.NewWorkflowServiceProxyServer(proxy.WorkflowServiceProxyOptions{
		Client: o.Temporal, DisableHeaderForwarding: true,
	})
	if err != nil {
		return nil, err
	}
	g.grpc = grpc.NewServer(
		grpc.UnaryInterceptor(g.intercept), grpc.MaxRecvMsgSize(o.Limits.Message),
	)
	workflowservice.RegisterWorkflowServiceServer(g.grpc, through)
	return g, nil
}

// ServeHTTP is the door: who is there, then what is wanted.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == fleet.PathBootstrap {
		g.bootstrap(w, r)
		return
	}
	guest, err := g.known(r)
	if err != nil {
		g.turnAway(w, r, nil, RefusedCredential, err)
		return
	}
	leave, kind, err := guest.enter(r.URL.Path)
	if err != nil {
		g.turnAway(w, r, guest, kind, err)
		return
	}
	defer leave()
	switch {
	case isGRPC(r):
		g.serveGRPC(w, r, guest)
	case r.Method == http.MethodPost && r.URL.Path == fleet.PathRenew:
		g.renew(w, r, guest)
	case r.Method == http.MethodPost && planePaths[r.URL.Path]:
		g.servePlane(w, r, guest)
	default:
		g.turnAway(w, r, guest, RefusedCall,
			fleet.Errorf(fleet.CodeForbidden, "a crawler has no call "+r.Method+" "+r.URL.Path))
	}
}

// known answers whose credential a request shows.
func (g *Gateway) known(r *http.Request) (*guest, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	ref, until, err := g.o.Maker.Shown(fleet.Secret(token), time.Now())
	if err != nil {
		return nil, err
	}
	return g.guests.of(ref, until), nil
}

// Ready reports whether crawlers can work: Temporal and the data plane answer.
func (g *Gateway) Ready(ctx context.Context) error {
	if _, err := g.o.Temporal.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		return fleet.Errorf(fleet.CodeUnavailable, "Temporal does not answer: "+err.Error())
	}
	return g.plane.ready(ctx)
}

// uncounted counts nothing.
type uncounted struct{}

func (uncounted) Passed(string)  {}
func (uncounted) Refused(string) {}
