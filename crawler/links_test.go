package crawler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (p *plane) cuts() (sum fleet.Cuts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, page := range p.pages {
		sum = sum.Plus(page.Cut)
	}
	return sum
}

// endless serves pages that lead ever further: /x/loop/ links to its own last segment
// without the leading slash, /calendar/ to the next and the last month.
func (s *site) endless() {
	s.handle("/x/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<a href='loop/'>x</a><a href='/'>home</a>")
	})
	s.handle("/calendar/{month}", func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse("2006-01", r.PathValue("month"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<a href='%s'>n</a><a href='%s'>p</a>",
			at.AddDate(0, 1, 0).Format("2006-01"), at.AddDate(0, -1, 0).Format("2006-01"))
	})
}

func TestTraps_AreLeftAndCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.endless()
	long := "/" + strings.Repeat("l", fleet.MaxURL)
	now := time.Now()
	s.page("/", "/x/", "/calendar/"+now.Format("2006-01"), long, "/a/b")
	s.page("/a/b")
	in := s.ticket("/")
	deep := 1000
	in.Scope.MaxDepth = &deep
	p := newPlane(in)
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	months := (now.Year()+2)*12 + 12 - 1990*12
	require.Equal(t, fleet.Cuts{Length: 1, Repetition: 1, Calendar: 2}, p.cuts())
	require.Len(t, p.urls(fleet.PageFetched, s.URL), 2+3+months)
}

func TestTraps_AreFollowedWhereTheTicketSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.endless()
	s.page("/", "/x/", "/calendar/2050-01")
	for _, path := range []string{"/x/", "/calendar/2050-01"} {
		in := s.ticket(path)
		in.Scope.MaxPages, in.Scope.Traps = 12, fleet.TrapsFollow
		in.Scope.Include = []string{path[:3]}
		p := newPlane(in)
		require.Equal(t, fleet.OutcomeLimited, crawl(t, p).Outcome)
		require.Zero(t, p.cuts())
		require.Len(t, p.urls(fleet.PageFetched, s.URL), 12)
	}
}

func TestScope_LinksBelowTheDepthAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/1a", "/1b")
	s.page("/1a", "/", "/1b", "/2a", "/2b")
	s.page("/1b", "/2a", "/2c")
	in := s.ticket("/")
	one := 1
	in.Scope.MaxDepth = &one
	p := newPlane(in)
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, []string{"/", "/1a", "/1b"}, p.urls(fleet.PageFetched, s.URL))
	require.Equal(t, fleet.Cuts{Depth: 3}, p.cuts())
}

func TestCanonical_OptionsMakePagesTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/", "/p?a=1&b=2", "/p?b=2&a=1", "/p?a=1&utm_source=x&b=2", "/p?sid=9&a=1&b=2", "/p?a=2")
	s.page("/p", "/")
	for name, c := range map[string]struct {
		canonical fleet.Canonical
		want      int
	}{
		"as they are": {fleet.Canonical{}, 5},
		"tracking":    {fleet.Canonical{DropTracking: true}, 4},
		"order":       {fleet.Canonical{SortQuery: true}, 4},
		"all":         {fleet.Canonical{SortQuery: true, DropTracking: true, DropParams: []string{"sid"}}, 2},
	} {
		in := s.ticket("/?utm_source=seed")
		in.Canonical = c.canonical
		p := newPlane(in)
		crawl(t, p)
		got := p.urls(fleet.PageFetched, s.URL)
		require.Contains(t, got, "/?utm_source=seed", "what is fetched is what was given")
		want := 1 + c.want
		if !c.canonical.DropTracking {
			want++ // the home page under its own name
		}
		require.Len(t, got, want, name)
	}
}

func TestScope_DomainsAndPrefixes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	s.page("/", "/docs/a", "/docs", "/blog/", "http://localhost"+port+"/docs/b", "http://x.localhost"+port+"/docs/c")
	for _, path := range []string{"/docs/a", "/docs", "/blog/", "/docs/b", "/docs/c"} {
		s.page(path)
	}
	for name, c := range map[string]struct {
		scope fleet.Scope
		want  []string
	}{
		"prefix":      {fleet.Scope{Prefixes: []string{s.URL + "/%64ocs/"}}, []string{"/", "/docs/a"}},
		"domain":      {fleet.Scope{Domains: []string{"LOCALHOST"}, Exclude: []string{"x[.]"}}, []string{"/", "/docs/b"}},
		"not its end": {fleet.Scope{Domains: []string{"ocalhost"}}, []string{"/"}},
		"both and hosts": {
			fleet.Scope{Domains: []string{"localhost"}, Prefixes: []string{s.URL + "/blog"}, Exclude: []string{"x[.]"}},
			[]string{"/", "/blog/", "/docs/b"},
		},
	} {
		in := s.ticket("/")
		in.Scope = c.scope
		p := newPlane(in)
		crawl(t, p)
		var got []string
		for _, u := range p.urls(fleet.PageFetched, "") {
			got = append(got, u[strings.Index(u, port)+len(port):])
		}
		require.ElementsMatch(t, c.want, got, name)
	}
}
