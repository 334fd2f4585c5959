package crawler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// flushTimeout bounds the last exchange of a drain, which competes with a kill.
const flushTimeout = 5 * time.Second

// crawl is one claim of one ticket. Everything in it belongs to the goroutine of
// run; workers see jobs and give back results, and nothing else.
type crawl struct {
	engine   *Engine
	spec     fleet.TicketInput
	scope    *scope
	canon    *urlkey.Canon
	fields   *extract.Fields
	files    map[string]bool             // keys of the lists that the ticket names
	accept   func(mediaType string) bool // nil for every type
	session  *session
	handed   int64 // the version of the session that the data plane has
	progress func(fleet.Counters)

	window   *window
	outbox   *outbox
	limit    int // of requests at a time
	running  int // workers that are at work
	workers  int // workers that were started
	jobs     chan job
	results  chan result
	arrivals chan arrival
	serial   uint64         // of the last job
	owned    sync.WaitGroup // the workers

	asked  []*host     // for turns, with the exchange under way
	origin urlkey.Base // of the URL handed out last: most have the same

	drained      <-chan struct{}  // the engine's, until it is heard
	grace        <-chan time.Time // of a drain
	stopping     bool             // draining: nothing new is begun
	exchanging   context.Context
	fetching     context.Context
	stopFetching context.CancelFunc
}

// job is a page to fetch or, without one, a lane's robots.txt to read.
type job struct {
	lane     *lane
	item     item
	begun    time.Time
	serial   uint64
	interval time.Duration // of its host as it began
}

// arrival says that a job's request has arrived at its host.
type arrival struct {
	job
	at time.Time
}

// result is what became of a job.
type result struct {
	job
	page        fleet.PageResult
	entry       *robots.Entry // for a lane's robots.txt
	again       *item         // the page redirects to itself: fetch this one
	hold        time.Duration // how long the host asked to be left alone
	blocker     string        // whose challenge came instead of the page
	interrupted bool          // the crawl was stopped: the page was not fetched
}

func (e *Engine) newCrawl(
	claim fleet.ClaimAnswer, id fleet.ExchangeRequest, progress func(fleet.Counters),
) (*crawl, error) {
	spec, err := claim.Spec.Normalise()
	if err != nil {
		return nil, fmt.Errorf("read the ticket: %w", err)
	}
	seeds, err := readSeeds("urls", spec.URLs)
	if err != nil {
		return nil, err
	}
	files, err := readSeeds("sources.files", spec.Sources.Files)
	if err != nil {
		return nil, err
	}
	c := &crawl{
		engine: e, spec: spec, progress: progress,
		window: newWindow(spec.Fetch.Delay.Std()), limit: spec.Fetch.Concurrency,
		canon: urlkey.NewCanon(spec.Canonical), files: map[string]bool{}, accept: accept(spec.Fetch.Types),
		jobs: make(chan job), results: make(chan result, spec.Fetch.Concurrency),
		arrivals: make(chan arrival, spec.Fetch.Concurrency),
		origin:   urlkey.NewBase(seeds[0]), drained: e.drained,
	}
	if c.session, err = e.sessions.of(id.Tenant, spec.Session, claim.Session); err != nil {
		return nil, err
	}
	if len(spec.Fetch.Ports) > 0 {
		c.session = c.session.only(spec.Fetch.Ports)
	}
	if claim.Session != nil {
		c.handed = claim.Session.Version
	}
	if c.scope, err = newScope(spec); err != nil {
		return nil, err
	}
	if c.fields, err = extract.NewFields(spec.Extract); err != nil {
		return nil, err
	}
	c.outbox = newOutbox(e.plane, id, *spec.Scope.MaxDepth)
	for _, u := range files {
		c.files[c.canon.Of(u).Key] = true
	}
	if claim.Seed {
		c.seed(slices.Concat(seeds, files))
	}
	c.take(claim.Work)
	if progress != nil {
		progress(claim.Counters)
	}
	return c, nil
}

// run is the crawl from the claim to its end.
func (c *crawl) run(ctx context.Context) (fleet.CrawlResult, error) {
	defer c.begin(ctx)()
	timer := time.NewTimer(time.Hour) // armed where it is waited for
	defer timer.Stop()
	for {
		now := time.Now()
		wake := c.dispatch(now)
		if c.stopping && c.running == 0 && c.outbox.handedOver() {
			return fleet.CrawlResult{}, draining()
		}
		if due, at := c.outbox.due(now, c.load(now)); due {
			c.exchange(now)
		} else {
			wake = earlier(wake, at)
		}
		select {
		case r := <-c.results:
			c.finish(r, time.Now())
		case a := <-c.arrivals:
			c.arrived(a.job, a.at)
		case a := <-c.outbox.answers:
			if end, r, err := c.answer(ctx, a); end {
				return r, err
			}
		case <-after(timer, now, wake):
		case <-c.drained:
			c.stopping, c.drained = true, nil
			c.grace = time.After(c.engine.grace)
		case <-c.grace:
			if c.fetching.Err() != nil { // the last exchange takes too long as well
				return fleet.CrawlResult{}, draining()
			}
			c.stopFetching()
			c.grace = time.After(flushTimeout)
		case <-ctx.Done():
			return fleet.CrawlResult{}, ended(ctx)
		}
	}
}

// exchange sends what there is and asks for more.
func (c *crawl) exchange(now time.Time) {
	r := fleet.ExchangeRequest{}
	r.Want, r.PerHost = c.want()
	r.Hosts, c.asked = c.window.uses(now, c.clock)
	if c.spec.Session != nil {
		if r.Session = c.session.jar.since(c.handed); r.Session != nil {
			c.handed = r.Session.Version
		}
	}
	c.outbox.send(c.exchanging, now, r)
}

// clock is the name of a host's clock.
func (c *crawl) clock(host string) string {
	if c.spec.Fetch.Clock == fleet.ClockAddress && c.engine.address != "" {
		return host + " from " + c.engine.address
	}
	return host
}

// begin makes the contexts of what runs beside run. What it returns ends all of
// that and waits for it.
func (c *crawl) begin(ctx context.Context) (end func()) {
	var stopExchange context.CancelFunc
	c.exchanging, stopExchange = context.WithCancel(ctx)
	c.fetching, c.stopFetching = context.WithCancel(ctx)
	return func() {
		stopExchange()
		c.stopFetching()
		close(c.jobs)
		c.owned.Wait()
		c.outbox.wait()
	}
}

func ended(ctx context.Context) error { return fmt.Errorf("crawl: %w", context.Cause(ctx)) }

// after arms the timer, where there is anything to wait for.
func after(t *time.Timer, now, wake time.Time) <-chan time.Time {
	if wake.IsZero() {
		return nil
	}
	t.Reset(wake.Sub(now))
	return t.C
}

// earlier is the first of two moments, where the zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// answer obeys the data plane, and says whether and how the crawl has ended.
func (c *crawl) answer(
	ctx context.Context, a answer,
) (end bool, r fleet.CrawlResult, err error) {
	now := time.Now()
	c.outbox.answered(a, now)
	c.window.took(a.Turns, c.asked, c.outbox.sent, now)
	if a.err != nil && ctx.Err() != nil { // it was broken off with the crawl
		return true, r, ended(ctx)
	}
	if a.err != nil {
		return true, r, fmt.Errorf("exchange: %w", a.err)
	}
	if c.progress != nil {
		c.progress(a.Counters)
	}
	switch a.Next {
	case fleet.NextGo:
		c.take(a.Work)
		return false, r, nil
	case fleet.NextEnd:
		return true, fleet.CrawlResult{
			Outcome: a.Outcome, Reason: a.Reason, Counters: a.Counters, Error: a.Error,
		}, nil
	case fleet.NextStop:
		return true, r, fenced()
	default:
		return true, r, errors.New("exchange: the data plane answers next " + string(a.Next))
	}
}

// take puts handed-out URLs into the window.
func (c *crawl) take(work []fleet.FrontierURL) {
	for _, u := range work {
		at, err := c.origin.Resolve(u.URL)
		if err != nil { // it was readable when it was found, so this is another version's
			c.outbox.add(fleet.PageResult{
				ID: u.ID, URL: u.URL, Outcome: fleet.PageFailed, Reason: reasonURL + err.Error(),
			}, u.Depth, time.Now())
			continue
		}
		if at.Origin() != c.origin.Origin() {
			c.origin = urlkey.NewBase(at)
		}
		at = c.canon.Of(at)
		c.outbox.know(at.Key, u.Depth)
		u.List = c.listKind(u, at)
		if c.strayed(u, at) {
			continue
		}
		c.window.add(item{FrontierURL: u, at: at}, false)
	}
}
