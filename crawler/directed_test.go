package crawler_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestDirectives_AreNotedAndObeyedWhereTheTicketSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		follow, index    bool // whether they are obeyed
		fetched, skipped []string
	}{
		"noted":   {false, false, []string{"/", "/a", "/b", "/hidden"}, []string{}},
		"obeyed":  {true, true, []string{"/", "/b"}, []string{"/a"}},
		"noindex": {false, true, []string{"/", "/b", "/hidden"}, []string{"/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.page("/", "/a", "/b")
			s.page("/hidden")
			s.handle("/a", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = w.Write([]byte(`<meta name="robots" content="noindex"><title>Secret</title><a href="/b">b</a>`))
			})
			s.handle("/b", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("X-Robots-Tag", "crawlfleet: nofollow")
				_, _ = w.Write([]byte(`<a href="/hidden">hidden</a>`))
			})
			in := s.ticket("/")
			in.Fetch.ObeyNoFollow, in.Fetch.ObeyNoIndex = c.follow, c.index
			p := newPlane(in)
			require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
			require.Equal(t, c.fetched, p.urls(fleet.PageFetched, s.URL))
			require.Equal(t, c.skipped, p.urls(fleet.PageSkipped, s.URL))
			require.Equal(t, "noindex", p.page(s.URL+"/a").Notes.Robots)
			require.Equal(t, "nofollow", p.page(s.URL+"/b").Notes.Robots)
			if c.follow {
				require.Equal(t, fleet.Cuts{NoFollow: 1}, p.cuts())
			}
			if c.index {
				require.Equal(t, "noindex", p.page(s.URL+"/a").Reason)
				require.Empty(t, p.page(s.URL+"/a").Title)
			}
		})
	}
}

func TestDirectives_OfSingleLinks(t *testing.T) {
	t.Parallel()
	for _, obeyed := range []bool{false, true} {
		s := newSite(t)
		s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<a href=/a>a</a><a rel=nofollow href=/b>b</a><a rel="ugc nofollow" href=http://elsewhere.test/>e</a>
<a rel=nofollow href=./c>c</a><a href=/c>c</a>`))
		})
		for _, path := range []string{"/a", "/b", "/c"} {
			s.page(path)
		}
		in := s.ticket("/")
		in.Fetch.ObeyNoFollow = obeyed
		p := newPlane(in)
		crawl(t, p)
		want, cut := []string{"/", "/a", "/b", "/c"}, fleet.Cuts{}
		if obeyed {
			want, cut = []string{"/", "/a", "/c"}, fleet.Cuts{NoFollow: 1}
		}
		require.Equal(t, want, p.urls(fleet.PageFetched, s.URL))
		require.Equal(t, cut, p.cuts(), "./c is followed as /c; what is out of scope is not counted")
		require.EqualValues(t, 3, p.page(s.URL+"/").Notes.NoFollow, "noted either way")
	}
}
