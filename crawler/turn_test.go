package crawler_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// rows is the real data plane without its HTTP: a tenant's database.
type rows struct {
	*tenantdb.Store
	specs map[fleet.TicketID]fleet.TicketInput
}

func newRows(t testing.TB, tickets ...fleet.TicketInput) *rows {
	t.Helper()
	store, err := tenantdb.Open(tenantdb.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Shutdown()) })
	require.NoError(t, store.Create(t.Context(), tenant))
	r := &rows{store, map[fleet.TicketID]fleet.TicketInput{}}
	for _, in := range tickets {
		in, err := in.Normalise()
		require.NoError(t, err)
		in.Scope.MaxPages = 1_000_000
		r.specs[in.ID] = in
	}
	return r
}

func (r *rows) Claim(ctx context.Context, q fleet.ClaimRequest) (fleet.ClaimAnswer, error) {
	return r.Store.Claim(ctx, q, r.specs[q.Ticket])
}

// crawlTwice has two tickets of a tenant crawl a chain on two crawlers at the same time.
func crawlTwice(t *testing.T, s *site, delay time.Duration, pages int) {
	t.Helper()
	one, two := s.ticket("/p0?one"), s.ticket("/p0?two")
	one.ID, two.ID = "one", "two"
	one.Fetch.Delay, two.Fetch.Delay = (*fleet.Duration)(&delay), (*fleet.Duration)(&delay)
	r := newRows(t, one, two)
	var crawls sync.WaitGroup
	for _, id := range []fleet.TicketID{"one", "two"} {
		crawls.Go(func() {
			result, err := newEngine(t, r).Crawl(t.Context(), tenant, id, fleet.GUID(id), 1, nil)
			require.NoError(t, err)
			require.EqualValues(t, pages, result.Counters.Fetched)
		})
	}
	crawls.Wait()
}

// Two tickets of a tenant on one site, on two crawlers, keep the interval between them.
func TestTurns_TicketsOnTwoCrawlersShareTheInterval(t *testing.T) {
	t.Parallel()
	const pages = 30
	s := newSite(t)
	chain(s, pages)
	const delay = 200 * time.Millisecond
	crawlTwice(t, s, delay, pages+1)
	requireGaps(t, s, delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	// What the site saw, robots.txt included, beside its bound: make bench-crawl measures it.
	bound := time.Duration(len(s.log)-1) * delay
	t.Logf("took %s, the bound is %s", s.log[len(s.log)-1].at.Sub(s.log[0].at).Round(time.Millisecond), bound)
}

// A host that tells one ticket that it is in distress is left alone by the other as well,
// which has not been told anything.
func TestTurns_TicketsOnTwoCrawlersSlowDownTogether(t *testing.T) {
	t.Parallel()
	const pages = 5
	s := newSite(t)
	var tired atomic.Bool
	s.handle("/", func(w http.ResponseWriter, r *http.Request) {
		n := 0
		if _, err := fmt.Sscanf(r.URL.Path, "/p%d", &n); err != nil {
			http.NotFound(w, r)
			return
		}
		if n == 1 && tired.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		if n < pages {
			fmt.Fprintf(w, "<a href='/p%d?%s'>n</a>", n+1, r.URL.RawQuery)
		}
	})
	crawlTwice(t, s, 100*time.Millisecond, pages+1)
	s.mu.Lock()
	defer s.mu.Unlock()
	// From a second on each answer takes a tenth off, whichever ticket it is for.
	var after []time.Time
	first, both := "", false
	for _, h := range s.log {
		if h.path == "/robots.txt" {
			continue
		}
		if _, query, _ := strings.Cut(h.path, "?"); first == "" && strings.HasPrefix(h.path, "/p1") {
			first = query
		} else if first != "" {
			both = both || query != first
		}
		if first != "" {
			after = append(after, h.at)
		}
	}
	require.True(t, both, "both have asked after the distress")
	slow := time.Second
	for i := 1; i < len(after); i++ {
		require.Greater(t, after[i].Sub(after[i-1]), slow-200*time.Millisecond, "request %d after the distress", i)
		slow -= slow / 10
	}
}

func TestTurns_WithAClockPerAddressTicketsDoNotWait(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	in := s.ticket("/")
	hour := fleet.Duration(time.Hour)
	in.Fetch.Delay, in.Fetch.Clock, in.Fetch.Robots = &hour, fleet.ClockAddress, ""
	p := newPlane(in)
	asked := make(chan fleet.HostUse, 100)
	p.before = func(r fleet.ExchangeRequest) {
		for _, u := range r.Hosts {
			asked <- u
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := begin(ctx, newEngine(t, p))
	require.Equal(t, s.host()+" from 192.0.2.1", wait(t, asked).Clock)
	cancel()
	require.ErrorIs(t, wait(t, done).err, context.Canceled)
}

func TestPace_IsWhatPolitenessAllows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ncrawl-delay: 600\n"))
	})
	chain(s, 3)
	in := s.ticket("/p0")
	for i := range 5 {
		in.URLs = append(in.URLs, fmt.Sprintf("%s/p0?%d", s.URL, i))
	}
	r := newRows(t, in)
	ctx, cancel := context.WithCancel(t.Context())
	done := begin(ctx, newEngine(t, r))
	var p fleet.Pace
	require.Eventually(t, func() bool {
		var err error
		p, err = r.Pace(t.Context(), tenant, "t1")
		require.NoError(t, err)
		return p.Left > 0
	}, generous, 10*time.Millisecond)
	require.Equal(t, fleet.Duration(6*time.Minute), p.Left, "six URLs, one a minute")
	require.Equal(t, "Crawl-delay 10m0s is cut to 1m0s", p.Hosts[0].Note)
	cancel()
	require.ErrorIs(t, wait(t, done).err, context.Canceled)
}

func TestPoliteness_ADistressedHostIsSlowedDownForAllItsPages(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "2", "date"} {
		t.Run("Retry-After "+header, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/busy", func(w http.ResponseWriter, _ *http.Request) {
				if len(s.hits("/busy")) > 1 {
					return
				}
				switch header {
				case "":
				case "date": // by the second: it may be up to one less
					w.Header().Set("Retry-After", time.Now().Add(3*time.Second).UTC().Format(http.TimeFormat))
				default:
					w.Header().Set("Retry-After", header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			})
			chain(s, 4)
			in := s.ticket("/busy")
			in.URLs = append(in.URLs, s.URL+"/p0")
			in.Fetch.Concurrency = 1
			p := newPlane(in)
			crawl(t, p)
			hits, least := s.hits(""), time.Second
			if header != "" {
				least = 2 * time.Second
			}
			require.GreaterOrEqual(t, hits[1].at.Sub(hits[0].at), least-jitter)
			// It recovers by a tenth with each answer.
			require.GreaterOrEqual(t, hits[2].at.Sub(hits[1].at), 900*time.Millisecond-jitter)
			require.Len(t, p.urls(fleet.PageFetched, s.URL), 5)
		})
	}
}

// A turn that has passed while a ticket had nothing to ask is over, also where the host was
// asked long ago: it may be another's by now.
func TestTurns_ATicketThatComesBackWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	s.handle("/slow", func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<a href=/late>l</a>"))
	})
	s.page("/late")
	one, two := s.ticket("/slow"), s.ticket("/two")
	one.ID, two.ID = "one", "two"
	short, hour := fleet.Duration(100*time.Millisecond), fleet.Duration(time.Hour)
	one.Fetch.Delay, two.Fetch.Delay = &short, &hour
	r := newRows(t, one, two)
	var done sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer done.Wait()
	defer cancel()
	crawl := func(id fleet.TicketID) {
		done.Go(func() { _, _ = newEngine(t, r).Crawl(ctx, tenant, id, fleet.GUID(id), 1, nil) })
	}
	crawl("one")
	wait(t, asked)
	crawl("two")
	require.Eventually(t, func() bool { return len(s.hits("/robots.txt")) == 2 }, generous, 10*time.Millisecond,
		"the other's turn, of three hours")
	close(answer)
	require.Eventually(t, func() bool {
		n, _, err := r.Progress(t.Context(), tenant, "one")
		require.NoError(t, err)
		return n.Fetched > 0
	}, generous, 10*time.Millisecond)
	// Soon the late one is handed out, and would be asked for at once.
	require.Never(t, func() bool { return len(s.hits("/late")) > 0 }, 2*time.Second, 50*time.Millisecond)
}

// A ticket without an interval does not ask in those of another.
func TestTurns_ATicketWithoutAnIntervalKeepsAnothers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/endless/", func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/endless/%d", &n)
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<a href=/endless/%d>n</a>", n+1)
	})
	chain(s, 5)
	fast, polite := s.ticket("/endless/0"), s.ticket("/p0")
	depth := 1000
	fast.ID, polite.ID, fast.Scope.MaxDepth = "fast", "polite", &depth
	delay := fleet.Duration(500 * time.Millisecond)
	polite.Fetch.Delay = &delay
	r := newRows(t, fast, polite)
	var done sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer done.Wait()
	defer cancel()
	done.Go(func() { _, _ = newEngine(t, r).Crawl(ctx, tenant, "fast", "fast", 1, nil) })
	require.Eventually(t, func() bool { return len(s.hits("/endless/1")) > 0 }, generous, 10*time.Millisecond)
	result, err := newEngine(t, r).Crawl(ctx, tenant, "polite", "polite", 1, nil)
	require.NoError(t, err)
	require.EqualValues(t, 5, result.Counters.Fetched)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range s.log[:len(s.log)-1] {
		if strings.HasPrefix(h.path, "/p") {
			next := s.log[i+1]
			require.GreaterOrEqual(t, next.at.Sub(h.at), delay.Std()-jitter, "%s after %s", next.path, h.path)
		}
	}
}
