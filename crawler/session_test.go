package crawler_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// who answers who is logged in, and logs the next visitor in.
func who(s *site) {
	var visitors atomic.Int32
	s.handle("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("who"); err == nil {
			return
		}
		value := fmt.Sprintf("visitor-%d", visitors.Add(1))
		http.SetCookie(w, &http.Cookie{Name: "who", Value: value, Path: "/", MaxAge: 3600})
		http.SetCookie(w, &http.Cookie{Name: "gone", Value: "x", MaxAge: -1})
		http.SetCookie(w, &http.Cookie{Name: "plain", Value: "y"})
	})
}

func TestSession_MovesToTheNextCrawler(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	who(s)
	var tickets []fleet.TicketInput
	for i, key := range []fleet.SessionKey{"a", "a", "b", "a"} {
		in := s.ticket("/")
		in.ID, in.Session = fleet.TicketID(fmt.Sprint("t", i)), &fleet.Session{Key: key}
		tickets = append(tickets, in)
	}
	r := newRows(t, tickets...)
	var cookies []string
	for i := range tickets { // each on a crawler of its own
		result, err := newEngine(t, r).Crawl(t.Context(), tenant, tickets[i].ID, guid, 1, nil)
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeDone, result.Outcome)
		cookies = append(cookies, s.hits("/")[i].cookie)
	}
	require.Equal(t, []string{"", "plain=y; who=visitor-1", "", "plain=y; who=visitor-1"}, sorted(cookies))
}

// sorted puts each Cookie header into one order.
func sorted(headers []string) []string {
	for i, h := range headers {
		parts := strings.Split(h, "; ")
		if len(parts) == 2 && parts[0] > parts[1] {
			headers[i] = parts[1] + "; " + parts[0]
		}
	}
	return headers
}

func TestSession_IntroducesItselfAsItSays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	seen := make(chan http.Header, 10)
	s.handle("/{$}", func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header })
	in := s.ticket("/")
	in.Session = &fleet.Session{
		Key: "a", UserAgent: "Shopper/1.0", Headers: map[string]string{"accept-language": "de", "X-Team": "red"},
	}
	plane := &swap{newPlane(in)}
	e := newEngine(t, plane)
	_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
	require.NoError(t, err)
	h := wait(t, seen)
	require.Equal(t, "Shopper/1.0", h.Get("User-Agent"))
	require.Equal(t, "de", h.Get("Accept-Language"))
	require.Equal(t, "red", h.Get("X-Team"))
	require.Equal(t, "Shopper/1.0", s.hits("/robots.txt")[0].agent, "the same visitor")

	plane.DataPlane = newPlane(s.ticket("/"))
	_, err = e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
	require.NoError(t, err)
	require.Equal(t, "crawlfleet/1.2", wait(t, seen).Get("User-Agent"), "others are themselves")
	require.Equal(t, "crawlfleet/1.2", s.hits("/robots.txt")[1].agent, "and are told by themselves what they may")
}

// proxy is a forwarding HTTP proxy that notes what it is asked for, with the agent.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := new(proxy)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.URL.String()+" "+r.UserAgent())
		p.mu.Unlock()
		resp, err := http.DefaultTransport.RoundTrip(r.Clone(r.Context()))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for _, name := range []string{"Content-Type", "Location"} {
			w.Header().Set(name, resp.Header.Get(name))
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(p.Close)
	return p
}

func TestSession_EverythingGoesOverItsProxy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	s.page("/from-sitemap")
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "User-agent: *\nDisallow: /no\nSitemap: ", s.URL, "/sitemap.xml")
	})
	s.handle("/sitemap.xml", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "<urlset><url><loc>%[1]s/from-sitemap</loc></url><url><loc>%[1]s/no</loc></url></urlset>", s.URL)
	})
	by := newProxy(t)
	in := s.ticket("/")
	in.Sources.Sitemaps = true
	in.Session = &fleet.Session{Key: "a", Proxy: by.URL, UserAgent: "Shopper/1.0"}
	p := newPlane(in)
	crawl(t, p)
	require.Equal(t, "robots", p.page(s.URL+"/no").Reason)
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/from-sitemap").Outcome)
	var want []string
	for _, path := range []string{"/robots.txt", "/", "/sitemap.xml", "/from-sitemap"} {
		want = append(want, s.URL+path+" Shopper/1.0")
	}
	require.ElementsMatch(t, want, by.asked)
	require.Len(t, s.log, len(want), "nothing is asked for directly")
}

// What a robots.txt said over a proxy is that session's: to the others a site may say
// something else.
func TestSession_RulesAreItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	s.handle("/robots.txt", func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() == "Shopper/1.0" {
			_, _ = fmt.Fprint(w, "User-agent: *\nDisallow: /")
		}
	})
	plane := &swap{}
	e := newEngine(t, plane)
	for _, agent := range []string{"", "Shopper/1.0", "", "Shopper/1.0"} {
		in := s.ticket("/")
		if agent != "" {
			in.Session = &fleet.Session{Key: "a", UserAgent: agent}
		}
		p := newPlane(in)
		plane.DataPlane = p
		_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
		require.NoError(t, err)
		want := fleet.PageFetched
		if agent != "" {
			want = fleet.PageSkipped
		}
		require.Equal(t, want, p.page(s.URL+"/").Outcome)
	}
	require.Len(t, s.hits("/robots.txt"), 2, "each has its own, and remembers it")
}

// The target of a robots.txt's redirect is checked before the proxy is asked, as the
// robots.txt itself is.
func TestSession_RobotsOverAProxyAreGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	s.handle("/robots.txt", http.RedirectHandler("http://10.0.0.1/robots.txt", http.StatusFound).ServeHTTP)
	by := newProxy(t)
	in := s.ticket("/")
	in.URLs = append(in.URLs, "http://169.254.169.254/latest")
	in.Session = &fleet.Session{Key: "a", Proxy: by.URL}
	p := newPlane(in)
	crawl(t, p)
	require.Equal(t, "ssrf: 10.0.0.1 is a private address", p.page(s.URL+"/").Reason)
	require.Equal(t, "ssrf: 169.254.169.254 is a private address", p.page("http://169.254.169.254/latest").Reason)
	require.Equal(t, []string{s.URL + "/robots.txt crawlfleet/1.2"}, by.asked)
}

// The guard knows the target before the proxy is asked, and the proxy itself.
func TestSession_ProxyIsNoWayAroundTheGuard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	by := newProxy(t)
	u, err := url.Parse(by.URL)
	require.NoError(t, err)
	addr, err := netip.ParseAddr(u.Hostname())
	require.NoError(t, err)
	only := func(o *crawler.Options) { o.Reach.AllowPrivate = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())} }

	in := s.ticket("/")
	in.Session, in.Fetch.Robots = &fleet.Session{Key: "a", Proxy: by.URL}, fleet.RobotsIgnore
	in.URLs = []string{"http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://localhost.:1/"}
	p := newPlane(in)
	crawl(t, p, only)
	require.Empty(t, by.asked)
	for _, page := range p.pages {
		require.Equal(t, fleet.PageFailed, page.Outcome, page.URL)
	}
	for _, at := range []string{"http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/"} {
		require.Contains(t, p.page(at).Reason, "ssrf: ", at)
	}

	in = s.ticket("/")
	in.Session, in.Fetch.Robots = &fleet.Session{Key: "a", Proxy: "http://" + net.JoinHostPort("10.0.0.1", "3128")}, fleet.RobotsIgnore
	p = newPlane(in)
	crawl(t, p, func(o *crawler.Options) { o.Reach.AllowPrivate = loopback() })
	require.Contains(t, p.page(s.URL+"/").Reason, "ssrf: 10.0.0.1", "the proxy is checked as well")
}
