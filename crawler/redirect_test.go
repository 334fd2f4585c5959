package crawler_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

func TestRedirect_TargetIsAPageOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/old", "/new")
	s.page("/new")
	s.handle("/old", http.RedirectHandler("new#part", http.StatusMovedPermanently).ServeHTTP)
	p := newPlane(s.ticket("/"))
	crawl(t, p)

	old := p.page(s.URL + "/old")
	require.Equal(t, fleet.PageRedirected, old.Outcome)
	require.Equal(t, []fleet.Link{{URL: s.URL + "/new", Key: s.URL + "/new", Hops: 1}}, old.Links)
	require.Len(t, s.hits("/new"), 1)
}

// Old servers write Locations in encodings of their own, and want them back.
func TestRedirect_BytesOfALocationComeBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/latin", "/modern")
	s.handle("/latin", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/stra\xdfe")
		w.WriteHeader(http.StatusFound)
	})
	s.handle("/modern", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/straße")
		w.WriteHeader(http.StatusFound)
	})
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	for from, to := range map[string]string{"/latin": "/stra%DFe", "/modern": "/stra%C3%9Fe"} {
		require.Equal(t, s.URL+to, p.page(s.URL + from).Links[0].URL)
		require.Len(t, s.hits(to), 1)
	}
}

func TestRedirect_EachHopIsChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/out", "/robots", "/scheme", "/bad", "/none")
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("user-agent: crawlfleet\ndisallow: /secret\n"))
	})
	s.page("/secret")
	for path, to := range map[string]string{
		"/out": "http://elsewhere.example/", "/robots": "/secret", "/scheme": "ftp://elsewhere.example/",
		"/bad": "http://exa mple/", "/none": "",
	} {
		s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
			if to != "" {
				w.Header().Set("Location", to)
			}
			w.WriteHeader(http.StatusFound)
		})
	}
	p := newPlane(s.ticket("/"))
	crawl(t, p)

	for path, want := range map[string]string{
		"/out":    "skipped: redirect out of scope: elsewhere.example",
		"/robots": "redirected: ",
		"/secret": "skipped: robots",
		"/scheme": "failed: redirect to no page",
		"/bad":    "failed: redirect to no page",
		"/none":   "failed: status 302",
	} {
		page := p.page(s.URL + path)
		require.Equal(t, want, string(page.Outcome)+": "+page.Reason, path)
	}
	require.Empty(t, s.hits("/secret"))
}

func TestRedirect_EndsAfterTenHops(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 12 {
		s.handle(fmt.Sprintf("/r%d", i), http.RedirectHandler(fmt.Sprintf("/r%d", i+1), http.StatusFound).ServeHTTP)
	}
	p := newPlane(s.ticket("/r0"))
	crawl(t, p)
	require.Equal(t, "too many redirects", p.page(s.URL+"/r10").Reason)
	require.Empty(t, s.hits("/r11"))
}

func TestRedirect_ToAnotherSpellingIsFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/user", "/cookie", "/loop")
	s.handle("/user", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.RequestURI, "?") {
			w.Header().Set("Location", "/user?")
			w.WriteHeader(http.StatusMovedPermanently)
		}
	})
	s.handle("/cookie", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
			http.Redirect(w, r, "/cookie", http.StatusFound)
		}
	})
	s.handle("/loop", http.RedirectHandler("/loop", http.StatusFound).ServeHTTP)
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/user").Outcome)
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/cookie").Outcome)
	require.Equal(t, "redirect to itself", p.page(s.URL+"/loop").Reason)
	require.Len(t, s.hits("/loop"), 1)
}

// named is a fetcher for hosts that no name server knows: each is a folder of the site.
type named struct {
	crawler.Fetcher
	site *site
}

func (n named) Get(ctx context.Context, r fetch.Request) (fetch.Response, error) {
	r.URL = n.site.URL + "/" + r.URL[strings.Index(r.URL, "://")+len("://"):]
	return n.Fetcher.Get(ctx, r)
}

// Where a site leads from a name to the same with www., or back, it is crawled all the same;
// where it leads elsewhere the ticket fails and names the host.
func TestRedirect_BetweenAHostWithWWWAndWithout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	move := func(path, to string) {
		s.handle(path, http.RedirectHandler(to, http.StatusMovedPermanently).ServeHTTP)
	}
	move("/a.test/", "https://www.a.test/home")
	s.page("/www.a.test/home", "/next", "http://docs.a.test/")
	s.page("/www.a.test/next")
	move("/www.b.test/", "http://b.test/home")
	s.page("/b.test/home", "/next")
	s.page("/b.test/next")
	move("/c.test/", "http://www.other.test:8080/")
	move("/d.test/{$}", "/left")
	for name, c := range map[string]struct {
		seed    string
		scope   fleet.Scope
		fetched []string
		reason  string
	}{
		"to www":       {"http://a.test/", fleet.Scope{}, []string{"https://www.a.test/home", "https://www.a.test/next"}, ""},
		"from www":     {"http://www.b.test/", fleet.Scope{}, []string{"http://b.test/home", "http://b.test/next"}, ""},
		"a named host": {"http://a.test/", fleet.Scope{Hosts: []string{"a.test"}}, nil, "no seed could be fetched; http://a.test/: redirect out of scope: www.a.test; add www.a.test to scope.hosts"},
		"elsewhere":    {"http://c.test/", fleet.Scope{}, nil, "no seed could be fetched; http://c.test/: redirect out of scope: www.other.test:8080; add www.other.test:8080 to scope.hosts"},
		"a pattern":    {"http://d.test/", fleet.Scope{Exclude: []string{"left"}}, nil, "no seed could be fetched; http://d.test/: redirect out of scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := s.ticket("/")
			in.URLs, in.Scope, in.Fetch.Robots = []string{c.seed}, c.scope, fleet.RobotsIgnore
			rows := newRows(t, in)
			e := newEngine(t, rows)
			client := fetch.NewClient(fetch.Options{Reach: guard.Reach{AllowPrivate: loopback()}})
			t.Cleanup(client.Close)
			e.SetVisitor(func(jar http.CookieJar) crawler.Fetcher { return named{client.NewVisitor(jar), s} })
			r, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
			require.NoError(t, err)
			pages, err := rows.Pages(t.Context(), tenant, "t1", 0, 0)
			require.NoError(t, err)
			var fetched []string
			for _, p := range pages {
				if p.Outcome == fleet.PageFetched {
					fetched = append(fetched, p.URL)
				}
			}
			require.ElementsMatch(t, c.fetched, fetched)
			if c.reason == "" {
				require.Equal(t, fleet.OutcomeDone, r.Outcome)
				return
			}
			require.Equal(t, fleet.OutcomeFailed, r.Outcome)
			require.Equal(t, fleet.CodeUnreachable, r.Error.Code)
			require.Equal(t, c.reason, r.Error.Message)
		})
	}
}
