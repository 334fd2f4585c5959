package crawler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// generous is a deadline that only a hang misses.
const generous = time.Minute

// stuck makes a page that is served until its client goes away; entered gets a
// value for each request.
func stuck(s *site, path string) (entered chan struct{}) {
	entered = make(chan struct{}, 64)
	s.handle(path, func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	return entered
}

type outcome struct {
	result fleet.CrawlResult
	err    error
	at     time.Time
}

// begin crawls in the background.
func begin(ctx context.Context, e *crawler.Engine) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		r, err := e.Crawl(ctx, tenant, "t1", guid, 1, nil)
		done <- outcome{r, err, time.Now()}
	}()
	return done
}

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(generous):
		require.FailNow(t, "it hangs")
	}
	return v
}

func TestStop_CancelIsHeardInTheMiddleOfAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered := stuck(s, "/{$}")
	p := newPlane(s.ticket("/"))
	done := begin(t.Context(), newEngine(t, p))
	wait(t, entered)
	p.stop()
	start := time.Now()
	o := wait(t, done) // without the fence it would be stuck in its page
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(o.err))
	t.Logf("heard after %s", o.at.Sub(start).Round(time.Millisecond))
	require.Empty(t, p.pages)
}

func TestStop_NewerClaimFences(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered := stuck(s, "/{$}")
	p := newPlane(s.ticket("/"))
	done := begin(t.Context(), newEngine(t, p))
	wait(t, entered)
	_, err := p.Claim(t.Context(), fleet.ClaimRequest{Want: 1})
	require.NoError(t, err)
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(wait(t, done).err))
}

func TestStop_ContextEndsTheCrawlAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered := stuck(s, "/{$}")
	ctx, cancel := context.WithCancel(t.Context())
	done := begin(ctx, newEngine(t, newPlane(s.ticket("/"))))
	wait(t, entered)
	cancel()
	require.ErrorIs(t, wait(t, done).err, context.Canceled)
}

func TestStop_ContextEndsAWaitForPoliteness(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	in := s.ticket("/")
	hour := fleet.Duration(time.Hour)
	in.Fetch.Delay = &hour
	p := newPlane(in)
	beats := make(chan struct{}, 100)
	p.before = func(fleet.ExchangeRequest) { beats <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	done := begin(ctx, newEngine(t, p))
	for range 3 { // the seeds, and two signs of life while it waits
		wait(t, beats)
	}
	cancel()
	require.ErrorIs(t, wait(t, done).err, context.Canceled)
}

func TestStop_AnotherCrawlerGoesOn(t *testing.T) {
	t.Parallel()
	const pages = 250
	s := newSite(t)
	chain(s, pages)
	p := newPlane(s.ticket("/p0"))
	for _, hits := range []int{20, 90, 150} {
		ctx, cancel := context.WithCancel(t.Context())
		done := begin(ctx, newEngine(t, p))
		require.Eventually(t, func() bool { return len(s.hits("")) >= hits }, generous, time.Millisecond)
		cancel()
		require.ErrorIs(t, wait(t, done).err, context.Canceled)
	}
	crawl(t, p)
	require.Len(t, p.pages, pages, "each page stored once")
	require.Equal(t, pages, p.count(fleet.PageFetched))
	// Fetched again is at most what each of the three had not handed over yet.
	window := crawler.WindowSize(fleet.DefaultConcurrency)
	require.LessOrEqual(t, len(s.hits("")), pages+3*window)
}

func TestDrain_FinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s.page("/", "/slow", "/later")
	s.handle("/slow", func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})
	s.page("/later")
	in := s.ticket("/")
	in.Fetch.Concurrency = 1
	p := newPlane(in)
	e := newEngine(t, p)
	done := begin(t.Context(), e)
	wait(t, entered)
	e.Drain(generous)
	close(release)
	require.Equal(t, fleet.CodeDraining, fleet.CodeOf(wait(t, done).err))
	require.Equal(t, []string{"/", "/slow"}, p.urls(fleet.PageFetched, s.URL))

	_, err := e.Crawl(t.Context(), tenant, "t1", guid, 2, nil)
	require.Equal(t, fleet.CodeDraining, fleet.CodeOf(err))
	require.Equal(t, 1, p.claims, "a draining crawler claims nothing")

	crawl(t, p)
	require.Len(t, s.hits(""), 3, "another crawler fetches what is left and nothing twice")
}

func TestDrain_GraceIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered := stuck(s, "/{$}")
	p := newPlane(s.ticket("/"))
	e := newEngine(t, p)
	done := begin(t.Context(), e)
	wait(t, entered)
	e.Drain(10 * time.Millisecond)
	require.Equal(t, fleet.CodeDraining, fleet.CodeOf(wait(t, done).err))
	require.Empty(t, p.pages, "a page that was broken off is not a failed one")
}

func TestDrain_LastPageEndsTheCrawl(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s.handle("/{$}", func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})
	e := newEngine(t, newPlane(s.ticket("/")))
	done := begin(t.Context(), e)
	wait(t, entered)
	e.Drain(generous)
	close(release)
	o := wait(t, done)
	require.NoError(t, o.err)
	require.Equal(t, fleet.OutcomeDone, o.result.Outcome)
}

func TestDataPlaneAway_WindowIsBoundedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	const pages = 300
	s := newSite(t)
	chain(s, pages)
	p := newPlane(s.ticket("/p0"))
	var exchanges atomic.Int32
	back := make(chan struct{})
	p.before = func(fleet.ExchangeRequest) {
		if exchanges.Add(1) == 3 {
			<-back
		}
	}
	done := begin(t.Context(), newEngine(t, p))
	window := crawler.WindowSize(fleet.DefaultConcurrency)
	require.Eventually(t, func() bool { return len(s.hits("")) >= window }, generous, time.Millisecond)
	require.Never(t, func() bool { return len(s.hits("")) > 2*window+1 }, 200*time.Millisecond, 20*time.Millisecond)
	close(back)
	o := wait(t, done)
	require.NoError(t, o.err)
	require.Len(t, p.urls(fleet.PageFetched, s.URL), pages)
	require.Len(t, s.hits(""), pages)
}

func TestDataPlaneAway_ForGoodIsAnError(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	e := newEngine(t, away{newPlane(s.ticket("/"))})
	_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
}

type away struct{ *plane }

func (away) Exchange(context.Context, fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	return fleet.ExchangeAnswer{}, fleet.Errorf(fleet.CodeUnavailable, "nobody answers")
}

func TestClaim_OfAnEndedCrawlAnswersItsResult(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	r := crawl(t, p)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.EqualValues(t, 1, r.Counters.Fetched)
	require.Len(t, s.hits("/"), 1)
}

type panics struct{ crawler.Fetcher }

func (f panics) Get(ctx context.Context, r fetch.Request) (fetch.Response, error) {
	if r.URL[len(r.URL)-2:] == "p1" {
		panic(errors.New("a defect"))
	}
	return f.Fetcher.Get(ctx, r)
}

func TestPanic_CostsOnePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	chain(s, 5)
	p := newPlane(s.ticket("/p0"))
	e := newEngine(t, p)
	client := fetch.NewClient(fetch.Options{Reach: guard.Reach{AllowPrivate: loopback()}})
	defer client.Close()
	e.SetVisitor(func(jar http.CookieJar) crawler.Fetcher { return panics{client.NewVisitor(jar)} })
	r, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.Equal(t, "internal", p.page(s.URL+"/p1").Reason)
	require.Len(t, p.urls(fleet.PageFetched, s.URL), 4)
}

// Not parallel: it sets the environment.
func TestEnvironment_HasNoEffectOnFetching(t *testing.T) {
	s := newSite(t)
	s.page("/", "/a")
	s.page("/a")
	for name, value := range map[string]string{
		"COLLY_USER_AGENT": "somebody else", "COLLY_MAX_BODY_SIZE": "1",
		"COLLY_ALLOWED_DOMAINS": "elsewhere.example", "COLLY_MAX_REQUESTS": "1",
		"COLLY_IGNORE_ROBOTSTXT": "no",
	} {
		t.Setenv(name, value)
	}
	p := newPlane(s.ticket("/"))
	crawl(t, p, func(o *crawler.Options) { o.Contact = "mailto:ops@example.com" })
	require.Equal(t, []string{"/", "/a"}, p.urls(fleet.PageFetched, s.URL))
	require.Equal(t, "crawlfleet/1.2 (+mailto:ops@example.com)", s.hits("/a")[0].agent)
	require.Len(t, p.page(s.URL+"/").Links, 1, fmt.Sprint(p.pages))
}
