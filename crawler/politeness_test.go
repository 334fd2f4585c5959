package crawler_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// jitter is what may lie between a request's start and its arrival on a busy machine.
const jitter = 60 * time.Millisecond

// requireGaps wants any four requests in a row to be three intervals apart. A busy machine
// may see one late and the next in time, so that a single gap says little; two that do not
// wait for each other are at half of this at most.
func requireGaps(t *testing.T, s *site, least time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 3; i < len(s.log); i++ {
		require.GreaterOrEqual(t, s.log[i].at.Sub(s.log[i-3].at), 3*least-3*jitter, "up to %s", s.log[i].path)
	}
}

func chain(s *site, pages int) {
	var links []string
	for i := range pages {
		links = append(links, fmt.Sprintf("/p%d", i))
	}
	for i := range pages {
		s.page(fmt.Sprintf("/p%d", i), links...)
	}
}

func TestPoliteness_DelayIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	chain(s, 5)
	in := s.ticket("/p0")
	delay := fleet.Duration(200 * time.Millisecond)
	in.Fetch.Delay = &delay
	p := newPlane(in)
	crawl(t, p)
	require.Len(t, s.hits(""), 5)
	requireGaps(t, s, delay.Std())
}

func TestPoliteness_CrawlDelayIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ncrawl-delay: 0.2\n"))
	})
	chain(s, 4)
	p := newPlane(s.ticket("/p0"))
	crawl(t, p)
	require.Len(t, s.hits(""), 4)
	requireGaps(t, s, 200*time.Millisecond)
}

func TestPoliteness_HostsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	slow, fast := newSite(t), newSite(t)
	slow.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ncrawl-delay: 0.3\n"))
	})
	chain(slow, 6)
	chain(fast, 120)
	in := slow.ticket("/p0")
	in.URLs = append(in.URLs, fast.URL+"/p0")
	in.Fetch.Concurrency = 2
	p := newPlane(in)
	crawl(t, p)
	require.Len(t, slow.hits(""), 6)
	require.Len(t, fast.hits(""), 120)
	last := func(s *site) time.Time {
		return slices.MaxFunc(s.hits(""), func(a, b hit) int { return a.at.Compare(b.at) }).at
	}
	require.True(t, last(fast).Before(last(slow)), "the fast host is done while the slow one is waited for")
}

func TestPoliteness_AHostThatHangsLeavesWorkersToOthers(t *testing.T) {
	t.Parallel()
	hung, fast := newSite(t), newSite(t)
	entered := stuck(hung, "/")
	hung.handle("/robots.txt", http.NotFound)
	chain(fast, 60)
	in := fast.ticket("/p0")
	for i := range 20 {
		in.URLs = append(in.URLs, fmt.Sprintf("%s/h%d", hung.URL, i))
	}
	p := newPlane(in)
	ctx, cancel := context.WithCancel(t.Context())
	done := begin(ctx, newEngine(t, p))
	require.Eventually(t, func() bool {
		return p.count(fleet.PageFetched) == 60
	}, generous, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		return len(entered) == fleet.DefaultConcurrency*3/4
	}, generous, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, wait(t, done).err, context.Canceled)
}

func TestRobots_AreObeyed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ndisallow: /\n\nUser-Agent: Crawlfleet/9\ndisallow: /no\n"))
	})
	s.page("/", "/no", "/nothing?x", "/%6Eo", "/yes")
	s.page("/yes")
	p := newPlane(s.ticket("/"))
	r := crawl(t, p)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.Equal(t, []string{"/", "/yes"}, p.urls(fleet.PageFetched, s.URL))
	require.Equal(t, []string{"/no", "/nothing?x"}, p.urls(fleet.PageSkipped, s.URL))
	require.Equal(t, "robots", p.page(s.URL+"/no").Reason)
	require.Len(t, s.hits(""), 2)
}

func TestRobots_UnreachableKeepsOutUntilItIsBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		if len(s.hits("/robots.txt")) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := newPlane(s.ticket("/"))
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, 1, p.retries)
	require.Len(t, s.hits("/robots.txt"), 2)
	require.Len(t, s.hits("/"), 1)
}

func TestRobots_UnreachableForGood(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	in := s.ticket("/")
	in.Fetch.Retries = new(int)
	p := newPlane(in)
	require.Equal(t, fleet.OutcomeFailed, crawl(t, p).Outcome)
	require.Equal(t, "robots unreachable: status 500", p.page(s.URL+"/").Reason)
	require.Empty(t, s.hits("/"))
}

func TestRobots_AreReadOnceForAllTickets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	plane := &swap{}
	e := newEngine(t, plane)
	for range 3 {
		p := newPlane(s.ticket("/"))
		plane.DataPlane = p
		_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
		require.NoError(t, err)
	}
	require.Len(t, s.hits("/robots.txt"), 1)
	require.Len(t, s.hits("/"), 3)
}

func TestRetry_ThenSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{408, 425, 429, 500, 502, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
				if len(s.hits("/")) == 1 {
					w.WriteHeader(status)
				}
			})
			p := newPlane(s.ticket("/"))
			require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
			require.Equal(t, 1, p.retries)
			require.Len(t, s.hits("/"), 2)
		})
	}
}

func TestRetry_IsBoundedAndOnlyForPassingFailures(t *testing.T) {
	t.Parallel()
	for status, tries := range map[int]int{503: 2, 404: 1, 403: 1, 501: 1, 505: 1} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			in := s.ticket("/")
			one := 1
			in.Fetch.Retries = &one
			p := newPlane(in)
			require.Equal(t, fleet.OutcomeFailed, crawl(t, p).Outcome)
			require.Len(t, s.hits("/"), tries)
			require.Equal(t, fmt.Sprintf("status %d", status), p.page(s.URL+"/").Reason)
		})
	}
}

func TestRetry_AfterHoldsTheHost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/busy", func(w http.ResponseWriter, _ *http.Request) {
		if len(s.hits("/busy")) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	chain(s, 5)
	in := s.ticket("/busy")
	for i := range 5 {
		in.URLs = append(in.URLs, fmt.Sprintf("%s/p%d", s.URL, i))
	}
	in.Fetch.Concurrency = 1
	p := newPlane(in)
	crawl(t, p)
	busy := s.hits("/busy")
	require.Len(t, busy, 2)
	for i := range 5 {
		require.GreaterOrEqual(t, s.hits(fmt.Sprintf("/p%d", i))[0].at.Sub(busy[0].at), time.Second-jitter)
	}
	require.GreaterOrEqual(t, busy[1].at.Sub(busy[0].at), time.Second-jitter)
}

func TestRetry_AfterTooLongFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	require.Equal(t, "status 503, asks to come back after 2h0m0s", p.page(s.URL+"/").Reason)
}

func TestRetry_SiteDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Close()
	in := s.ticket("/")
	in.Fetch.Retries = new(int)
	p := newPlane(in)
	r := crawl(t, p)
	require.Equal(t, fleet.OutcomeFailed, r.Outcome)
	require.Equal(t, "robots unreachable: connection refused", p.pages[0].Reason)
}

func TestSession_KeepsItsCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("who"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "who", Value: "me", Path: "/"})
		}
	})
	plane := &swap{}
	e := newEngine(t, plane)
	for i, c := range []struct {
		session string
		want    string
	}{{"a", ""}, {"a", "who=me"}, {"b", ""}, {"", ""}, {"", ""}, {"a", "who=me"}} {
		in := s.ticket("/")
		if c.session != "" {
			in.Session = &fleet.Session{Key: fleet.SessionKey(c.session)}
		}
		plane.DataPlane = newPlane(in)
		_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
		require.NoError(t, err)
		require.Equal(t, c.want, s.hits("/")[i].cookie, "ticket %d", i)
	}
}

func TestRobots_AreIgnoredWhereTheTicketMay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ndisallow: /\n"))
	})
	s.page("/")
	in := s.ticket("/")
	in.Fetch.Robots = fleet.RobotsIgnore
	p := newPlane(in)
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, []string{"/"}, p.urls(fleet.PageFetched, s.URL))
	require.Empty(t, s.hits("/robots.txt"))
}

// A redirect's target is asked about like any other page.
func TestRobots_HoldForRedirectTargets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: *\ndisallow: /secret\n"))
	})
	s.handle("/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/secret", http.StatusFound)
	})
	s.page("/secret")
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	require.Empty(t, s.hits("/secret"))
	require.Equal(t, "robots", p.page(s.URL+"/secret").Reason)
}
