package crawler_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (s *site) serve(path, contentType, body string) {
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	})
}

// mapped is a site with pages that only its sitemaps and its feed name.
func mapped(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.serve("/robots.txt", "text/plain", "User-agent: *\nDisallow: /private/\nSitemap: "+s.URL+"/index.xml\nSitemap: "+s.URL+"/list.txt\n")
	s.serve("/index.xml", "application/xml", fmt.Sprintf(
		"<sitemapindex><sitemap><loc>%s/pages.xml.gz</loc></sitemap><sitemap><loc>/index.xml</loc></sitemap></sitemapindex>", s.URL))
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = fmt.Fprintf(z, "<urlset><url><loc>%s/orphan</loc></url><url><loc>%s/</loc></url><url><loc>%s/private/x</loc></url><url><loc>https://elsewhere.example/</loc></url></urlset>", s.URL, s.URL, s.URL)
	require.NoError(t, z.Close())
	s.serve("/pages.xml.gz", "application/octet-stream", b.String())
	s.serve("/list.txt", "text/plain", s.URL+"/listed\n")
	s.serve("/feed", "application/rss+xml", "<rss><channel><item><link>"+s.URL+"/news</link></item></channel></rss>")
	s.serve("/{$}", "text/html", `<link rel=alternate type=application/rss+xml href=/feed><img src=/i.png><a href=/linked>x</a>`)
	s.serve("/i.png", "image/png", "png")
	for _, path := range []string{"/orphan", "/listed", "/news", "/linked", "/private/x"} {
		s.page(path)
	}
	return s
}

func TestSources_EachIsAnOptionOfTheTicket(t *testing.T) {
	t.Parallel()
	s := mapped(t)
	for name, c := range map[string]struct {
		sources fleet.Sources
		want    []string
	}{
		"links":     {fleet.Sources{}, []string{"/", "/linked"}},
		"sitemaps":  {fleet.Sources{Sitemaps: true}, []string{"/", "/index.xml", "/linked", "/list.txt", "/listed", "/orphan", "/pages.xml.gz"}},
		"feeds":     {fleet.Sources{Feeds: true}, []string{"/", "/feed", "/linked", "/news"}},
		"resources": {fleet.Sources{Resources: true}, []string{"/", "/i.png", "/linked"}},
		"files":     {fleet.Sources{Files: []string{s.URL + "/list.txt"}}, []string{"/", "/linked", "/list.txt", "/listed"}},
	} {
		in := s.ticket("/")
		in.Sources = c.sources
		p := newPlane(in)
		require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome, name)
		require.Equal(t, c.want, p.urls(fleet.PageFetched, s.URL), name)
		if c.sources.Sitemaps {
			require.Equal(t, []string{"/private/x"}, p.urls(fleet.PageSkipped, s.URL), "robots.txt holds for them as well")
		}
	}
}

// A style sheet refers to others, by addresses that count from where it is itself.
func TestSources_ResourcesOfStyleSheets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve("/{$}", "text/html", `<link rel=stylesheet href=/css/a.css><style>p{background:url(b.png)}</style><p style="background:url('c.png')">`)
	s.serve("/css/a.css", "text/css; charset=utf-8", `@import "more/b.css"; p{background:url(../d.png) /* url(no.png) */;content:"url(no.png)"}`)
	s.serve("/css/more/b.css", "text/css", `@import "../a.css"; @font-face{src:url(https://elsewhere.example/f.woff2), url("f.woff")}`)
	for _, path := range []string{"/b.png", "/c.png", "/d.png", "/css/more/f.woff"} {
		s.serve(path, "image/png", path)
	}
	for resources, want := range map[bool][]string{
		false: {"/"},
		true:  {"/", "/b.png", "/c.png", "/css/a.css", "/css/more/b.css", "/css/more/f.woff", "/d.png"},
	} {
		in := s.ticket("/")
		in.Sources.Resources = resources
		p := newPlane(in)
		require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
		require.Equal(t, want, p.urls(fleet.PageFetched, s.URL))
		require.Empty(t, p.urls(fleet.PageFailed, s.URL))
	}
}

// A ticket of one level crawls what a sitemap names, for its entries are seeds.
func TestSources_EntriesAreSeedsInTheRealFrontier(t *testing.T) {
	t.Parallel()
	s, rows := mapped(t), newStored(t)
	in := s.ticket("/")
	zero := 0
	in.Scope.MaxDepth, in.Sources.Sitemaps = &zero, true
	in.Sources.Files = []string{s.URL + "/feed"}
	_, pages := rows.run(t, in)
	for _, path := range []string{"/", "/listed", "/news", "/list.txt"} {
		require.Equal(t, fleet.PageFetched, pages[s.URL+path].Outcome, path)
		require.Zero(t, pages[s.URL+path].Depth, path)
	}
	require.NotContains(t, pages, s.URL+"/linked")
}

// A list of a ticket's own names what the scope would not have.
func TestSources_FilesNameSeedsWhateverTheScopeSays(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	s.page("/")
	other.page("/a", "/b")
	other.page("/b")
	s.serve("/seeds", "text/plain", other.URL+"/a\n")
	in := s.ticket("/")
	in.Sources.Files = []string{s.URL + "/seeds"}
	p := newPlane(in)
	crawl(t, p)
	require.Len(t, other.hits("/a"), 1)
	require.Empty(t, other.hits("/b"))
}

func TestNotes_AreRecordedAndNotFollowed(t *testing.T) {
	t.Parallel()
	s, rows := newSite(t), newStored(t)
	s.serve("/{$}", "text/html; charset=iso-8859-2", `<link rel=canonical href="https://elsewhere.example/x"><link rel=alternate hreflang=de href=/de><p>`)
	in := s.ticket("/")
	in.Extract = map[string]fleet.Field{"price": {CSS: ".price", Required: true}}
	_, pages := rows.run(t, in)
	require.Len(t, pages, 1)
	require.Equal(t, fleet.Notes{
		Canonical: "https://elsewhere.example/x", Charset: "iso-8859-2", Missing: []string{"price"},
		Languages: []fleet.Translation{{Language: "de", URL: s.URL + "/de"}},
	}, pages[s.URL+"/"].Notes)
}
