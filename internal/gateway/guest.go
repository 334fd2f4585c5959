package gateway

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// lookEvery is how old the rows' word on a crawler may be before it is asked for again,
	// beside the request that finds it so: what is gone is refused within so many seconds.
	lookEvery = 3 * time.Second
	// lookWithin bounds such a question.
	lookWithin = 5 * time.Second
	// forgetAfter is when a crawler that asks nothing any more is forgotten: then its
	// refusals are logged anew, and nothing else changes.
	forgetAfter = time.Hour
)

// guest is one crawler as the gateway remembers it.
type guest struct {
	fleet.CrawlerRef
	limits  Limits
	plane   *plane
	limiter *rate.Limiter

	atOnce, polls atomic.Int64
	looking       atomic.Bool
	looked        atomic.Int64 // when the rows were last asked, in nanoseconds
	gone          atomic.Bool

	mu      sync.Mutex
	used    time.Time
	refused map[string]bool   // kinds that were logged
	keys    map[string]string // the worker instance keys, by queue
}

// guests are the crawlers that have shown a credential.
type guests struct {
	limits Limits
	plane  *plane

	mu    sync.Mutex
	by    map[fleet.GUID]*guest
	swept time.Time
}

func newGuests(l Limits, p *plane) *guests {
	return &guests{limits: l, plane: p, by: map[fleet.GUID]*guest{}}
}

// of gives the guest of a checked credential.
func (all *guests) of(ref fleet.CrawlerRef, _ time.Time) *guest {
	now := time.Now()
	all.mu.Lock()
	defer all.mu.Unlock()
	if now.Sub(all.swept) > sweepEvery {
		for id, g := range all.by {
			if g.idle(now) > forgetAfter {
				delete(all.by, id)
			}
		}
		all.swept = now
	}
	g, ok := all.by[ref.GUID]
	if !ok {
		g = &guest{
			CrawlerRef: ref, limits: all.limits, plane: all.plane,
			limiter: rate.NewLimiter(rate.Limit(all.limits.Rate), int(all.limits.Rate*rateBurst)+1),
			refused: map[string]bool{}, keys: map[string]string{},
		}
		all.by[ref.GUID] = g
	}
	g.use(now)
	return g
}

func (g *guest) use(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used = now
}

func (g *guest) idle(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return now.Sub(g.used)
}

// enter counts a request in, or says why not. leave counts it out.
func (g *guest) enter(call string) (leave func(), kind string, err error) {
	switch {
	case g.gone.Load():
		return nil, RefusedGone, fleet.Errorf(fleet.CodeForbidden, "the crawler is gone")
	case !g.limiter.Allow():
		return nil, RefusedRate, fleet.Errorf(fleet.CodeBusy, "too many requests a second")
	}
	poll := strings.HasSuffix(call, methodPoll)
	if g.atOnce.Add(1) > int64(g.limits.AtOnce) {
		g.atOnce.Add(-1)
		return nil, RefusedAtOnce, fleet.Errorf(fleet.CodeBusy, "too many requests at one time")
	}
	if poll && g.polls.Add(1) > int64(g.limits.Polls) {
		g.polls.Add(-1)
		g.atOnce.Add(-1)
		return nil, RefusedAtOnce, fleet.Errorf(fleet.CodeBusy, "too many polls at one time")
	}
	g.look()
	return func() {
		g.atOnce.Add(-1)
		if poll {
			g.polls.Add(-1)
		}
	}, "", nil
}

// look asks the rows, beside the request, when their word is old. A control side that is
// away leaves it as it was: the credential ends by itself.
func (g *guest) look() {
	if time.Since(time.Unix(0, g.looked.Load())) < lookEvery || !g.looking.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer g.looking.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
		defer cancel()
		a, err := g.plane.admit(ctx, g.CrawlerRef, "", unspecified)
		g.looked.Store(time.Now().UnixNano())
		if fleet.CodeOf(err) == fleet.CodeForbidden || err == nil && a.State == fleet.CrawlerGone {
			g.gone.Store(true)
		}
	}()
}

// maxKey is the length of a UUID, which the SDK takes.
const maxKey = 64

// key gives the name of a worker in the server's registry, bound at its first use: a
// crawler has one for each of its queues, and can take no other's.
func (g *guest) key(queue, theirs string) (string, bool) {
	if theirs == "" {
		return "", true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	bound, ok := g.keys[queue]
	if !ok && len(theirs) <= maxKey {
		g.keys[queue], bound, ok = theirs, theirs, true
	}
	return string(g.GUID) + "/" + theirs, ok && bound == theirs
}

// firstRefusal reports whether a kind of refusal is news for this crawler.
func (g *guest) firstRefusal(kind string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.refused[kind]
	g.refused[kind] = true
	return !known
}
