package crawler_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// on makes a ticket ask the ports of these sites alone, on any of them.
func on(in fleet.TicketInput, scope []*site, ports ...*site) fleet.TicketInput {
	in.Scope.Hosts = nil
	for _, s := range scope {
		in.Scope.Hosts = append(in.Scope.Hosts, hostOf(s))
	}
	for _, s := range ports {
		in.Fetch.Ports = append(in.Fetch.Ports, portOf(s))
	}
	return in
}

func hostOf(s *site) string {
	u, err := url.Parse(s.URL)
	if err != nil {
		panic(err)
	}
	return u.Host
}

func portOf(s *site) int {
	u, err := url.Parse(s.URL)
	if err != nil {
		panic(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		panic(err)
	}
	return port
}

// Links, redirects, sitemaps, lists and robots.txt files all may lead to another port.
func TestPorts_NothingLeadsToAnother(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	other.page("/")
	s.page("/", "/moved", other.URL+"/", "/list")
	s.handle("/moved", http.RedirectHandler(other.URL+"/moved", http.StatusFound).ServeHTTP)
	s.handle("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("Sitemap: " + other.URL + "/sitemap.xml"))
	})
	s.handle("/files", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(other.URL + "/listed")) })
	in := on(s.ticket("/"), []*site{s}, s)
	in.Scope.Domains = []string{"127.0.0.1"}
	in.Sources = fleet.Sources{Sitemaps: true, Files: []string{s.URL + "/files"}}
	p := newPlane(in)
	crawl(t, p)
	require.Empty(t, other.log)
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/").Outcome)
	require.Equal(t, "redirect out of scope", p.page(s.URL+"/moved").Reason)
	for _, path := range []string{"/sitemap.xml", "/listed"} { // these belong to it, whatever the scope says
		require.Equal(t, "port: not one of fetch.ports", p.page(other.URL+path).Reason, path)
	}
}

func TestPorts_RobotsOnAnotherAreUnreachable(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	s.page("/")
	s.handle("/robots.txt", http.RedirectHandler(other.URL+"/robots.txt", http.StatusFound).ServeHTTP)
	plane := &swap{}
	e := newEngine(t, plane)
	for _, c := range []struct {
		ports []*site
		want  string
	}{{nil, ""}, {[]*site{s}, "port: not one of fetch.ports"}, {[]*site{s, other}, ""}, {nil, ""}} {
		p := newPlane(on(s.ticket("/"), nil, c.ports...))
		plane.DataPlane = p
		_, err := e.Crawl(t.Context(), tenant, "t1", guid, 1, nil)
		require.NoError(t, err)
		require.Equal(t, c.want, p.page(s.URL+"/").Reason)
	}
	require.Len(t, other.hits("/robots.txt"), 2, "what one ticket may not know is no reason for another")
}

// What the operator does not allow no ticket can.
func TestPorts_AreNeverWidened(t *testing.T) {
	t.Parallel()
	in := newSite(t).ticket("/")
	in.URLs, in.Fetch.Ports = []string{"http://8.8.8.8:25/"}, []int{25}
	p := newPlane(in)
	crawl(t, p, noPrivate)
	require.Equal(t, "ssrf: 8.8.8.8 is asked for on port 25", p.pages[0].Reason)
	require.ErrorContains(t, in.CheckPorts(nil, nil), "fetch.ports[0]")
}

func TestPorts_GoWithAProxy(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	s.page("/")
	by := newProxy(t)
	in := on(s.ticket("/"), []*site{s}, s)
	in.Sources.Files = []string{s.URL + "/files"}
	s.handle("/files", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(other.URL + "/listed")) })
	in.Session = &fleet.Session{Key: "a", Proxy: by.URL}
	p := newPlane(in)
	crawl(t, p, func(o *crawler.Options) { o.Reach.AllowPrivate = loopback() })
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/").Outcome)
	require.Equal(t, "port: not one of fetch.ports", p.page(other.URL+"/listed").Reason)
	require.Len(t, by.asked, 3, "robots.txt, the page and the list")
	require.Empty(t, other.log)
}
