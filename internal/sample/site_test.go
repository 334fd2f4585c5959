package sample

import (
	"context"
	"image/png"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is for machines that are slow and busy; no test needs more than a fraction of it.
const patience = 30 * time.Second

func started(t *testing.T, options Options) *Site {
	t.Helper()
	s := New(options)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

func quick() Options { return Options{SlowDelay: time.Millisecond} }

// fetch asks once and follows nothing.
func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	n := newNaive(t, nil, "", 0)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := n.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestSite_HasTwoHostsAndThreeHundredPages(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	require.Len(t, s.Hosts(), 2)
	require.NotEqual(t, s.Hosts()[0], s.Hosts()[1])
	truth, err := s.Truth(Scope{})
	require.NoError(t, err)
	require.Equal(t, 300, len(truth.Pages))
	require.Len(t, truth.Files, 3)
	require.Len(t, truth.Redirects, 11)
	require.Len(t, truth.Broken, 4)
	require.Equal(t, []string{PrivateURL}, truth.OutOfScope)
}

func TestSite_SameSeedSameBytes(t *testing.T) {
	t.Parallel()
	site := func(seed uint64) *Site {
		// Not started: built on made-up origins, because ports are part of the bytes.
		s := New(Options{Seed: seed})
		require.NoError(t, s.prepare([]boundHost{{authority: "a:1"}, {authority: "b:2"}}))
		return s
	}
	one, again, other := site(7), site(7), site(8)
	require.Equal(t, len(one.pages), len(again.pages))
	for at, p := range one.pages {
		require.Equal(t, string(p.body), string(again.pages[at].body), at.path)
		require.Equal(t, p.facts, again.pages[at].facts)
	}
	front := place{shop, "/"}
	require.NotEqual(t, one.pages[front].body, other.pages[front].body)
	otherTruth, err := other.Truth(Scope{})
	require.NoError(t, err)
	require.Equal(t, 300, len(otherTruth.Pages), "the shape is the same for each seed")
}

func TestSite_PageKnowsItsFields(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	truth, err := s.Truth(Scope{})
	require.NoError(t, err)
	prices, authors := 0, 0
	for _, url := range truth.Pages {
		page, ok := s.Page(url)
		require.True(t, ok, url)
		body := string(s.pages[s.placeOf(url)].body)
		require.Equal(t, 1, strings.Count(body, "<h1>"), url)
		require.Equal(t, page.Price != "", strings.Contains(body, `class="price">`+page.Price+"<"), url)
		require.Equal(t, page.Author != "",
			strings.Contains(body, `class="author">`+page.Author+"<"), url)
		if page.Price != "" {
			prices++
		}
		if page.Author != "" {
			authors++
		}
	}
	require.Equal(t, 144, prices)
	require.Greater(t, authors, 60)
	_, ok := s.Page(s.ShopURL("/no/such/page"))
	require.False(t, ok)
}

func TestSite_RedirectsGoWhereTheySay(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	for _, tc := range []struct {
		path   string
		status int
		to     string
	}{
		{"/moved/for-good", 301, s.ShopURL("/about")},
		{"/moved/for-now", 302, s.ShopURL("/shipping")},
		{"/moved/same-method", 307, s.ShopURL("/contact")},
		{"/moved/chain/1", 302, s.ShopURL("/moved/chain/2")},
		{"/moved/chain/2", 301, s.ShopURL("/moved/chain/3")},
		{"/moved/chain/3", 308, s.ShopURL("/guides/choosing-a-compass")},
		{"/moved/loop/1", 302, s.ShopURL("/moved/loop/2")},
		{"/moved/loop/2", 302, s.ShopURL("/moved/loop/1")},
		{"/moved/nowhere", 302, s.ShopURL("/lost/and-not-found")},
	} {
		resp, _ := fetch(t, s.ShopURL(tc.path))
		require.Equal(t, tc.status, resp.StatusCode, tc.path)
		to, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, tc.to, to.String(), tc.path)
	}
	resp, _ := fetch(t, s.ShopURL("/moved/to-the-journal"))
	require.Contains(t, resp.Header.Get("Location"), s.Hosts()[journal]+"/stories/")
}

func TestSite_BrokenLinksAreBroken(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	for path, status := range map[string]int{
		"/lost/catalogue-1987": 404, "/gone/winter-sale": 410,
		"/about/": 404, "/maze/2": 404, "/maze/1/3": 404, "/calendar/soon": 404,
	} {
		resp, _ := fetch(t, s.ShopURL(path))
		require.Equal(t, status, resp.StatusCode, path)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), nil)
	require.NoError(t, err)
	resp, err := newNaive(t, nil, "", 0).client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
}

func TestSite_FlakyPageRecovers(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	for _, want := range []int{500, 200, 200} {
		resp, _ := fetch(t, s.ShopURL(FlakyPath))
		require.Equal(t, want, resp.StatusCode)
	}
}

func TestSite_DelaysPages(t *testing.T) {
	t.Parallel()
	const delay = 150 * time.Millisecond
	s := started(t, Options{SlowDelay: 2 * delay})
	took := func(path string) time.Duration {
		begin := time.Now()
		resp, _ := fetch(t, s.ShopURL(path))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return time.Since(begin)
	}
	require.GreaterOrEqual(t, took(SlowPath), 2*delay)
	s.SetPageDelay(delay)
	require.GreaterOrEqual(t, took("/about"), delay)
	require.GreaterOrEqual(t, took(SlowPath), 2*delay)
}

func TestSite_BigPageIsBigAndLinksFirst(t *testing.T) {
	t.Parallel()
	const size = 300_000
	s := started(t, Options{BigSize: size})
	_, body := fetch(t, s.ShopURL(BigPath))
	require.Greater(t, len(body), size)
	require.Less(t, strings.LastIndex(body, "<a "), 10_000)
}

func TestSite_FilesAreNotHTML(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	resp, body := fetch(t, s.ShopURL("/files/emblem.png"))
	require.Equal(t, "image/png", resp.Header.Get("Content-Type"))
	_, err := png.Decode(strings.NewReader(body))
	require.NoError(t, err)
	resp, body = fetch(t, s.ShopURL("/files/sextant-plan.pdf"))
	require.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(body, "%PDF-"))
	resp, _ = fetch(t, s.ShopURL("/files/price-list.txt"))
	require.Contains(t, resp.Header.Get("Content-Type"), "text/plain")
}

func TestSite_RobotsAndSitemap(t *testing.T) {
	t.Parallel()
	s := started(t, Options{Agent: "testbot"})
	for host := range s.Hosts() {
		_, text := fetch(t, s.url(place{host, "/robots.txt"}))
		require.Contains(t, text, "User-agent: testbot\n")
		require.Contains(t, text, "User-agent: *\n")
		require.NotContains(t, text, "Crawl-delay")
		require.Contains(t, text, "Sitemap: "+s.url(place{host, "/sitemap.xml"}))
		resp, sitemap := fetch(t, s.url(place{host, "/sitemap.xml"}))
		require.Equal(t, "application/xml", resp.Header.Get("Content-Type"))
		require.Contains(t, sitemap, "<loc>"+s.url(place{host, "/"})+"</loc>")
		require.NotContains(t, sitemap, "/clearance/")
		require.NotContains(t, sitemap, NeverEndsPath)
	}
}

func TestSite_NeverEndingPageEndsWithTheClientOrTheSite(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	open := func(ctx context.Context) *http.Response {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ShopURL(NeverEndsPath), nil)
		require.NoError(t, err)
		resp, err := newNaive(t, nil, "", 0).client.Do(req)
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, resp.Body, 3*endlessPiece)
		require.NoError(t, err)
		return resp
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := open(ctx)
	cancel()
	require.NoError(t, first.Body.Close())

	second := open(t.Context())
	stopping, done := context.WithTimeout(t.Context(), patience)
	defer done()
	require.NoError(t, s.Stop(stopping))
	_, err := io.Copy(io.Discard, second.Body)
	require.Error(t, err, "the body was cut, it did not end")
	require.NoError(t, second.Body.Close())
}

func TestSite_NothingLinksToTheMazeOrTheEndlessPage(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	for _, p := range s.pages {
		for _, to := range p.links {
			require.NotEqual(t, place{shop, NeverEndsPath}, to)
			require.False(t, strings.HasPrefix(to.path, "/maze"))
		}
	}
}

func TestSite_StartFailsWhole(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	s := New(Options{Hosts: []string{"127.0.0.1:0", taken.Addr().String()}})
	require.ErrorContains(t, s.Start(t.Context()), taken.Addr().String())
	require.NoError(t, s.Stop(t.Context()))
	require.ErrorContains(t, New(Options{Hosts: []string{"127.0.0.1:0"}}).Start(t.Context()), "want 2")
	_, err = s.Truth(Scope{})
	require.Error(t, err)
}
