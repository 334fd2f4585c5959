package crawler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// sitemap is a sitemap, or an index of the kind "sitemap", with entries.
func sitemap(kind string, entries ...string) string {
	root := map[string]string{"url": "urlset", "sitemap": "sitemapindex"}[kind]
	var b strings.Builder
	for _, e := range entries {
		b.WriteString("<" + kind + "><loc>" + e + "</loc></" + kind + ">")
	}
	return "<" + root + ">" + b.String() + "</" + root + ">"
}

// indexed is a site with an index that leads to pages in the usual ways, and a wrong one:
// over redirects, to another host, by names that are none of a sitemap, to an index.
func indexed(t *testing.T) (s, other *site) {
	t.Helper()
	s, other = newSite(t), newSite(t)
	s.page("/", "/maps?of=posts", "/linked")
	s.page("/linked")
	s.serve("/index", "text/xml", sitemap("sitemap", "/maps?of=posts", s.URL+"/moved", other.URL+"/map", "/inner", "/index"))
	s.serve("/maps", "text/html", sitemap("url", "/docs/post"))
	s.handle("/moved", http.RedirectHandler("/there", http.StatusFound).ServeHTTP)
	s.serve("/there", "text/plain", s.URL+"/docs/moved\n")
	s.serve("/inner", "application/xml", sitemap("sitemap", s.URL+"/innermost", s.URL+"/index"))
	s.serve("/innermost", "application/xml", sitemap("url", s.URL+"/docs/inner"))
	other.handle("/map", http.RedirectHandler("/mapped", http.StatusFound).ServeHTTP)
	other.serve("/mapped", "application/xml", sitemap("url", other.URL+"/elsewhere"))
	other.page("/elsewhere")
	for _, path := range []string{"/docs/post", "/docs/moved", "/docs/inner"} {
		s.page(path, "/linked")
	}
	return s, other
}

// Who names an index as a list means what its sitemaps name; sitemaps.org, "Sitemap index".
func TestIndex_OfATicketIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	s, other := indexed(t)
	rows := newStored(t)
	in := s.ticket("/")
	zero := 0
	in.Sources.Files, in.Scope.MaxDepth, in.Scope.Include = []string{s.URL + "/index"}, &zero, []string{"/docs/"}
	r, pages := rows.run(t, in)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	for _, url := range []string{
		s.URL + "/docs/post", s.URL + "/docs/moved", s.URL + "/docs/inner", other.URL + "/elsewhere",
		s.URL + "/", s.URL + "/index", s.URL + "/there", s.URL + "/inner", s.URL + "/innermost",
	} {
		require.Equal(t, fleet.PageFetched, pages[url].Outcome, url)
		require.Zero(t, pages[url].Depth, url)
	}
	require.Equal(t, fleet.PageRedirected, pages[s.URL+"/moved"].Outcome)
	require.Len(t, pages, 13, "and what pages link to is not read: %v", pages)
}

// A ticket that does not name it reads an index as a page, which it is not.
func TestIndex_OfNobodyIsAPage(t *testing.T) {
	t.Parallel()
	s, _ := indexed(t)
	p := newPlane(s.ticket("/index"))
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, []string{"/index"}, p.urls(fleet.PageFetched, s.URL))
}

// The sitemaps that robots.txt announces may be moved, and be anything but XML.
func TestIndex_OfARobotsTxt(t *testing.T) {
	t.Parallel()
	s, other := indexed(t)
	s.serve("/robots.txt", "text/plain", "Sitemap: "+s.URL+"/announced\n")
	s.handle("/announced", http.RedirectHandler("/index", http.StatusFound).ServeHTTP)
	in := s.ticket("/linked")
	in.Sources.Sitemaps = true
	_, pages := newStored(t).run(t, in)
	for _, path := range []string{"/docs/post", "/docs/moved", "/docs/inner", "/index", "/innermost"} {
		require.Equal(t, fleet.PageFetched, pages[s.URL+path].Outcome, path)
	}
	require.Empty(t, other.hits("/map"), "it is not in the scope")
}

// cut is a data plane that a crawl loses in the moment in which it has stored a page.
type cut struct {
	*stored
	after string
	lose  context.CancelFunc
}

func (c cut) Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	a, err := c.stored.Exchange(ctx, r)
	for _, p := range r.Pages {
		if p.URL == c.after {
			c.lose()
			return a, ctx.Err()
		}
	}
	return a, err
}

// What an index says is stored with it: the crawler that has read it need not live on.
func TestIndex_OutlivesItsCrawler(t *testing.T) {
	t.Parallel()
	s, rows := newSite(t), newStored(t)
	s.serve("/index", "text/xml", sitemap("sitemap", "/moved"))
	s.handle("/moved", http.RedirectHandler("/there", http.StatusFound).ServeHTTP)
	s.serve("/there", "text/xml", sitemap("sitemap", "/map"))
	s.serve("/map", "text/plain", s.URL+"/page")
	s.page("/page")
	in := s.ticket("/page")
	in.URLs, in.Sources.Files = []string{s.URL + "/index"}, []string{s.URL + "/index"}
	rows.add(t, in)
	lost := []string{"/index", "/moved", "/there"}
	for i, after := range lost { // each is known only when the one before it is stored
		ctx, lose := context.WithCancel(t.Context())
		_, err := newEngine(t, cut{rows, s.URL + after, lose}).Crawl(ctx, tenant, in.ID, guid, int64(i+1), nil)
		require.ErrorIs(t, err, context.Canceled, after)
	}
	_, pages := rows.runUnder(t, in, int64(len(lost)+1))
	require.Equal(t, fleet.PageFetched, pages[s.URL+"/page"].Outcome)
}

// An index that has not changed is not sent again; what it names is read all the same.
func TestIndex_OfARecrawl(t *testing.T) {
	t.Parallel()
	v, rows := newVersions(t), newStored(t)
	v.set("/index", sitemap("sitemap", "/map"))
	v.set("/map", sitemap("url", "/a"))
	for _, path := range []string{"/", "/a", "/b"} {
		v.set(path, path)
	}
	in := v.ticket("/")
	in.Sources.Files = []string{v.URL + "/index"}
	_, pages := rows.run(t, in)
	require.Len(t, pages, 4)
	v.set("/map", sitemap("url", "/a", "/b"))
	in.Recrawl = &fleet.Recrawl{Of: string(in.ID)}
	in.ID = "again"
	_, pages = rows.run(t, in)
	require.Equal(t, fleet.PageNotModified, pages[v.URL+"/index"].Outcome)
	require.Equal(t, fleet.ChangeNew, pages[v.URL+"/b"].Change)
	v.set("/map", sitemap("url", "/a", "/b", "/c"))
	v.set("/c", "/c")
	in.Recrawl.Of, in.ID, in.Sources.Files = string(in.ID), "without", nil
	_, pages = rows.run(t, in)
	require.Equal(t, fleet.PageFetched, pages[v.URL+"/map"].Outcome)
	require.NotContains(t, pages, v.URL+"/c", "this ticket reads no lists")
}
