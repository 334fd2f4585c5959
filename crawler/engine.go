package crawler

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// Product is the token that robots.txt files know this crawler by.
const Product = "crawlfleet"

// Options are what an Engine is made from. DataPlane is required.
type Options struct {
	DataPlane DataPlane
	// Version and Contact (the operator's, an address or URL) go into the User-Agent.
	Version string
	Contact string
	// Address is the egress address, which every page is stored with.
	Address string
	// Reach is what the operator lets it ask besides the public web.
	Reach guard.Reach
	// Source is the address to connect from, for the targets that SourceFor says.
	Source    netip.Addr
	SourceFor fetch.SourceFor
	// IPv6 lets it connect over IPv6 too, where its place declares that.
	IPv6 bool
	// Logger gets what an operator should see; nil for none.
	Logger *zap.Logger
}

// Engine crawls tickets, several at a time. What it keeps between them are
// connections, robots.txt files and the cookies of sessions.
type Engine struct {
	plane    DataPlane
	client   *fetch.Client
	sessions *sessions
	visitor  func(*session) Fetcher // one for each worker
	address  string
	log      *zap.Logger

	drainOnce sync.Once
	drained   chan struct{} // closed by Drain
	grace     time.Duration // set before drained is closed
}

// New makes an engine. Close it when its crawls have ended.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	e := &Engine{
		plane:   o.DataPlane,
		address: o.Address, log: o.Logger,
		client: fetch.NewClient(fetch.Options{
			UserAgent: UserAgent(o.Version, o.Contact), Reach: o.Reach,
			Source: o.Source, SourceFor: o.SourceFor, IPv6: o.IPv6,
		}),
		drained: make(chan struct{}),
	}
	e.sessions = newSessions(e.client)
	e.visitor = func(s *session) Fetcher { return s.client.NewVisitor(s.jar) }
	return e
}

// UserAgent is how the crawler introduces itself to sites: product, version, and
// the operator's contact where there is one.
func UserAgent(version, contact string) string {
	if version == "" {
		version = "dev"
	}
	agent := Product + "/" + version
	if contact != "" {
		agent += " (+" + contact + ")"
	}
	return agent
}

// Close ends idle connections. Crawls should have ended before.
func (e *Engine) Close() {
	e.sessions.close()
	e.client.Close()
}

// Drain makes every running crawl finish the pages that it is fetching, for at
// most grace, hand over what it has, and end with an error of code draining.
// Crawls that come later end with it at once. It does not wait; a second call
// changes nothing.
func (e *Engine) Drain(grace time.Duration) {
	e.drainOnce.Do(func() {
		e.grace = grace
		close(e.drained)
	})
}

// Crawl works on one ticket under a lease until the data plane says that it has
// ended. progress is called with the counters after each exchange, from one
// goroutine at a time; it must not block.
//
// Its errors are *fleet.Error: fenced when the crawl is another's or cancelled,
// draining after Drain, invalid when the ticket cannot be crawled as it is
// (Field says why), and whatever the data plane answers. When ctx ends the error
// is ctx's.
func (e *Engine) Crawl(
	ctx context.Context, tenant fleet.TenantID, ticket fleet.TicketID, guid fleet.GUID, epoch int64,
	progress func(fleet.Counters),
) (fleet.CrawlResult, error) {
	select {
	case <-e.drained:
		return fleet.CrawlResult{}, draining()
	default:
	}
	claim, err := e.plane.Claim(ctx, fleet.ClaimRequest{
		Tenant: tenant, Ticket: ticket, GUID: guid, Epoch: epoch,
		Want: windowSize(fleet.DefaultConcurrency), // the ticket's own is not known yet
	})
	if err != nil {
		return fleet.CrawlResult{}, fmt.Errorf("claim %s/%s: %w", tenant, ticket, err)
	}
	if claim.Outcome != "" {
		return fleet.CrawlResult{
			Outcome: claim.Outcome, Reason: claim.Reason, Counters: claim.Counters, Error: claim.Error,
		}, nil
	}
	c, err := e.newCrawl(claim, fleet.ExchangeRequest{
		Tenant: tenant, Ticket: ticket, GUID: guid, Fence: claim.Fence,
	}, progress)
	if err != nil {
		return fleet.CrawlResult{}, err
	}
	return c.run(ctx)
}

func draining() error {
	return fleet.Errorf(fleet.CodeDraining, "the crawler is draining and hands its tickets back")
}

func fenced() error {
	return fleet.Errorf(fleet.CodeFenced, "the crawl is closed or another's")
}
