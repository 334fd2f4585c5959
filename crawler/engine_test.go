package crawler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchSite) != "" {
		if err := serveBenchSite(os.Stdout, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(killedCrawler) != "" {
		if err := crawlToBeKilled(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	tenant = fleet.TenantID("demo")
	guid   = fleet.GUID("00000000-0000-0000-0000-000000000001")
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// site is a web site that logs what it is asked for.
type site struct {
	*httptest.Server
	mux *http.ServeMux
	mu  sync.Mutex
	log []hit
}

type hit struct {
	path, agent, cookie string
	at                  time.Time
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.log = append(s.log, hit{r.URL.RequestURI(), r.UserAgent(), r.Header.Get("Cookie"), time.Now()})
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// hits lists the requests for a path, or all but robots.txt for "".
func (s *site) hits(path string) (list []hit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.log {
		if h.path == path || path == "" && h.path != "/robots.txt" {
			list = append(list, h)
		}
	}
	return list
}

func (s *site) host() string { return strings.TrimPrefix(s.URL, "http://") }

// page serves a page with links.
func (s *site) page(path string, links ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "<html><head><title>Page %s</title></head><body>", path)
	for _, l := range links {
		fmt.Fprintf(&b, "<a href=%q>x</a>", l)
	}
	if path == "/" {
		path = "/{$}"
	}
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(b.String()))
	})
}

func (s *site) handle(path string, h http.HandlerFunc) {
	s.mux.HandleFunc(path, h)
}

// ticket is a ticket without politeness for one seed of the site.
func (s *site) ticket(path string) fleet.TicketInput {
	none := fleet.Duration(0)
	return fleet.TicketInput{
		Tenant: tenant, ID: "t1", URLs: []string{s.URL + path}, Fetch: fleet.FetchOptions{Delay: &none},
	}
}

func newEngine(t testing.TB, p crawler.DataPlane, change ...func(*crawler.Options)) *crawler.Engine {
	t.Helper()
	o := crawler.Options{DataPlane: p, Version: "1.2", Reach: guard.Reach{AllowPrivate: loopback()}, Address: "192.0.2.1"}
	for _, c := range change {
		c(&o)
	}
	e := crawler.New(o)
	t.Cleanup(e.Close)
	return e
}

// swap lets one engine work for several planes, one after the other.
type swap struct{ crawler.DataPlane }

func crawl(t testing.TB, p *plane, change ...func(*crawler.Options)) fleet.CrawlResult {
	t.Helper()
	r, err := newEngine(t, p, change...).Crawl(t.Context(), tenant, "t1", guid, 1, func(c fleet.Counters) {
		require.True(t, c.Balanced())
	})
	require.NoError(t, err)
	return r
}

func TestEngine_CrawlsASite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/a", "b", "/missing", "#top", "http://elsewhere.example/", "mailto:a@b.c")
	s.page("/a", "/", "/b", "/%62", "/b#x", "/b?")
	s.page("/b", "../a")
	p := newPlane(s.ticket("/"))
	r := crawl(t, p)

	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.Equal(t, []string{"/", "/a", "/b"}, p.urls(fleet.PageFetched, s.URL))
	require.Equal(t, []string{"/missing"}, p.urls(fleet.PageFailed, s.URL))
	require.Equal(t, "status 404", p.page(s.URL+"/missing").Reason)
	require.Len(t, s.hits(""), 4, "each once")
	require.Len(t, s.hits("/robots.txt"), 1)
	require.Equal(t, "crawlfleet/1.2", s.hits("/")[0].agent)

	page := p.page(s.URL + "/")
	require.Equal(t, "Page /", page.Title)
	require.Equal(t, 200, page.Status)
	require.Equal(t, "text/html; charset=utf-8", page.ContentType)
	require.Equal(t, "192.0.2.1", page.Address)
	require.Len(t, page.SHA256, 64)
	require.Positive(t, page.Bytes)
	require.Positive(t, page.Took)
	require.WithinDuration(t, time.Now(), page.FetchedAt, time.Minute)
}

func TestEngine_OnePageIsTwoExchanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	require.Equal(t, 1, p.claims)
	require.Len(t, p.requests, 2)
	require.Len(t, p.requests[0].Seeds, 1)
	require.Len(t, p.requests[1].Pages, 1)
}
