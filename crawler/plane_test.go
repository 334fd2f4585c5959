package crawler_test

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// plane is a data plane in memory with the real one's semantics: claims raise the
// fence, batches come in order, keys are unique, limits are exact, and a crawl
// ends when nothing is queued or in flight.
type plane struct {
	mu       sync.Mutex
	spec     fleet.TicketInput
	fence    int64
	seq      int64
	closed   bool
	stopped  bool // by somebody else: cancelled
	rows     []*row
	byKey    map[string]*row
	pages    []fleet.PageResult
	retries  int // put back
	claims   int
	requests []fleet.ExchangeRequest
	before   func(fleet.ExchangeRequest) // called without the lock, before each exchange
	result   fleet.CrawlResult
}

type row struct {
	fleet.FrontierURL
	key       string
	state     string // queued, inflight, or an outcome
	notBefore time.Time
}

func newPlane(spec fleet.TicketInput) *plane {
	spec, err := spec.Normalise()
	if err != nil {
		panic(err)
	}
	if spec.Scope.MaxPages == 0 {
		spec.Scope.MaxPages = 1_000_000
	}
	return &plane{spec: spec, byKey: map[string]*row{}}
}

func (p *plane) Claim(_ context.Context, r fleet.ClaimRequest) (fleet.ClaimAnswer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims++
	if p.closed {
		return fleet.ClaimAnswer{Outcome: p.result.Outcome, Counters: p.counters()}, nil
	}
	p.fence, p.seq = p.fence+1, 0
	for _, row := range p.rows {
		if row.state == "inflight" {
			row.state = "queued"
		}
	}
	a := fleet.ClaimAnswer{Fence: p.fence, Spec: p.spec, Seed: len(p.rows) == 0}
	a.Work = p.take(r.Want)
	a.Counters = p.counters()
	return a, nil
}

func (p *plane) Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	if p.before != nil {
		p.before(r)
	}
	if err := ctx.Err(); err != nil {
		return fleet.ExchangeAnswer{}, fleet.Errorf(fleet.CodeUnavailable, err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
	if r.Fence != p.fence || p.stopped || p.closed {
		return fleet.ExchangeAnswer{Next: fleet.NextStop, Counters: p.counters()}, nil
	}
	if r.Seq != p.seq+1 {
		return fleet.ExchangeAnswer{}, fleet.Invalid("seq", "is out of order", "the next one")
	}
	p.seq = r.Seq
	if len(p.rows) == 0 {
		p.discover(r.Seeds, &row{FrontierURL: fleet.FrontierURL{Depth: -1}})
	}
	for _, page := range r.Pages {
		if err := p.report(page); err != nil {
			return fleet.ExchangeAnswer{}, err
		}
	}
	a := fleet.ExchangeAnswer{Next: fleet.NextGo, Work: p.take(r.Want)}
	a.Counters = p.counters()
	switch {
	case a.Counters.InFlight > 0:
	case a.Counters.Queued == 0, a.Counters.Fetched >= p.spec.Scope.MaxPages:
		p.closed, a.Next, a.Outcome = true, fleet.NextEnd, fleet.OutcomeDone
		if a.Counters.Queued > 0 {
			a.Outcome, a.Reason = fleet.OutcomeLimited, "page limit"
		}
		if a.Counters.Fetched == 0 && a.Counters.Skipped == 0 {
			a.Outcome, a.Error = fleet.OutcomeFailed, fleet.Errorf(fleet.CodeUnreachable, "no seed could be fetched")
		}
		p.result.Outcome = a.Outcome
	case len(a.Work) == 0:
		a.NotBefore = fleet.Duration(p.pause())
	}
	return a, nil
}

func (p *plane) report(page fleet.PageResult) error {
	at := p.rows[page.ID-1]
	if at.state != "inflight" {
		return fleet.Invalid("pages.id", "was not handed out", "one that was")
	}
	if page.Retry {
		p.retries++
		at.state, at.Attempts = "queued", at.Attempts+1
		at.notBefore = time.Now().Add(page.RetryAfter.Std())
		return nil
	}
	at.state = string(page.Outcome)
	p.pages = append(p.pages, page)
	p.discover(page.Links, at)
	return nil
}

func (p *plane) discover(links []fleet.Link, from *row) {
	for _, l := range links {
		depth, hops := from.Depth+1, 0
		if l.Hops > 0 {
			depth, hops = from.Depth, from.Hops+1
		}
		if l.Seed {
			depth = 0
		}
		if known := p.byKey[l.Key]; known != nil && known.state == "queued" && l.List != "" {
			known.List = l.List
		}
		if depth > *p.spec.Scope.MaxDepth || p.byKey[l.Key] != nil {
			continue
		}
		r := &row{
			key: l.Key, state: "queued",
			FrontierURL: fleet.FrontierURL{
				ID: int64(len(p.rows) + 1), URL: l.URL, Depth: depth, Via: from.URL, Hops: hops, List: l.List,
			},
		}
		p.rows, p.byKey[l.Key] = append(p.rows, r), r
	}
}

func (p *plane) take(want int) (work []fleet.FrontierURL) {
	c := p.counters()
	want = min(want, int(p.spec.Scope.MaxPages-c.Fetched-c.InFlight))
	now := time.Now()
	for _, r := range p.rows {
		if len(work) >= want {
			break
		}
		if r.state == "queued" && !r.notBefore.After(now) {
			r.state = "inflight"
			work = append(work, r.FrontierURL)
		}
	}
	return work
}

func (p *plane) pause() time.Duration {
	first := time.Hour
	for _, r := range p.rows {
		if r.state == "queued" {
			first = min(first, max(time.Until(r.notBefore), time.Millisecond))
		}
	}
	return first
}

func (p *plane) counters() (c fleet.Counters) {
	for _, r := range p.rows {
		c.Discovered++
		switch r.state {
		case "queued":
			c.Queued++
		case "inflight":
			c.InFlight++
		default:
			*c.End(fleet.PageOutcome(r.state))++
		}
	}
	return c
}

// stop is a cancel: the fence is raised by nobody's claim.
func (p *plane) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
}

// page gives the result of one URL; the zero one if there is none.
func (p *plane) page(url string) fleet.PageResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, page := range p.pages {
		if page.URL == url {
			return page
		}
	}
	return fleet.PageResult{}
}

// urls lists the stored pages of an outcome, sorted, without the prefix.
func (p *plane) urls(outcome fleet.PageOutcome, prefix string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []string{}
	for _, page := range p.pages {
		if page.Outcome == outcome {
			list = append(list, page.URL[len(prefix):])
		}
	}
	sort.Strings(list)
	return list
}

// count is how many pages of an outcome are stored.
func (p *plane) count(outcome fleet.PageOutcome) int {
	return len(p.urls(outcome, ""))
}
