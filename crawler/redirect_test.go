package crawler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
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
		"/out":    "skipped: redirect out of scope",
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
