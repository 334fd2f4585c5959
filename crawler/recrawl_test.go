package crawler_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// versions is a site whose pages change: what is asked for with the words of its own
// state is not sent again.
type versions struct {
	*site
	mu    sync.Mutex
	pages map[string]string
	sent  map[string]int // bodies
}

func newVersions(t *testing.T) *versions {
	t.Helper()
	v := &versions{site: newSite(t), pages: map[string]string{}, sent: map[string]int{}}
	v.handle("/", func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		body, ok := v.pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		etag := fmt.Sprintf("%q", fmt.Sprint(len(body)))
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		v.sent[r.URL.Path]++
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(body))
	})
	return v
}

func (v *versions) set(path, body string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pages[path] = body; body == "" {
		delete(v.pages, path)
	}
	v.sent = map[string]int{}
}

func TestRecrawl_UnchangedPagesCostAQuestion(t *testing.T) {
	t.Parallel()
	v, s := newVersions(t), newStored(t)
	v.set("/a", "<a href=/b>b</a><a href=/private/x>x</a>")
	v.set("/b", "<a href=/c>c</a>")
	v.set("/c", "c")
	v.set("/private/x", "x")
	in := v.ticket("/a")
	_, pages := s.run(t, in)
	require.Len(t, pages, 4)
	require.Equal(t, `"1"`, pages[v.URL+"/c"].ETag)

	v.set("/b", "<a href=/d>d</a> and no c")
	v.set("/d", "the new one")
	v.set("/private/x", "y!")
	in.ID, in.Recrawl = "t2", &fleet.Recrawl{Of: "t1"}
	in.Scope.Exclude = []string{"/private/"}
	r, pages := s.run(t, in)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.EqualValues(t, 2, r.Counters.NotModified)
	require.EqualValues(t, 2, r.Counters.Fetched)
	require.Equal(t, map[string]int{"/b": 1, "/d": 1}, v.sent)
	for path, want := range map[string]fleet.Change{
		"/a": fleet.ChangeSame, "/b": fleet.ChangeChanged, "/c": fleet.ChangeSame, "/d": fleet.ChangeNew,
		"/private/x": "",
	} {
		require.Equal(t, want, pages[v.URL+path].Change, path)
	}
	c := pages[v.URL+"/c"]
	require.Equal(t, fleet.PageNotModified, c.Outcome)
	require.Equal(t, c.Before, c.SHA256)
	require.Equal(t, "out of scope", pages[v.URL+"/private/x"].Reason)

	v.set("/c", "")
	in.ID, in.Recrawl = "t3", &fleet.Recrawl{Of: "t2"}
	r, pages = s.run(t, in)
	require.Equal(t, fleet.ChangeGone, pages[v.URL+"/c"].Change)
	require.EqualValues(t, 3, r.Counters.NotModified)
	require.Empty(t, v.sent)
}

// A site that says 304 to a question that nobody has asked has nothing to compare with.
func TestRecrawl_NotModifiedUnasked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	p := newPlane(s.ticket("/"))
	crawl(t, p)
	require.Equal(t, fleet.PageFailed, p.page(s.URL+"/").Outcome)
	require.Equal(t, "status 304", p.page(s.URL+"/").Reason)
}

func TestScope_HostAndPatternLimitsInTheRealFrontier(t *testing.T) {
	t.Parallel()
	v, s := newVersions(t), newStored(t)
	v.set("/", "<a href=/p/1>1</a><a href=/p/2>2</a><a href=/p/3>3</a><a href=/q>q</a>")
	for _, path := range []string{"/p/1", "/p/2", "/p/3", "/q"} {
		v.set(path, "x")
	}
	in := v.ticket("/")
	in.Scope.MaxPerPattern = 2
	r, _ := s.run(t, in)
	require.EqualValues(t, 4, r.Counters.Fetched)
	require.Equal(t, fleet.Cuts{Pattern: 1}, r.Counters.Cut)
	in.ID, in.Scope.MaxPerHost = "t2", 2
	r, _ = s.run(t, in)
	require.EqualValues(t, 2, r.Counters.Fetched)
	require.EqualValues(t, 3, r.Counters.Cut.Host+r.Counters.Cut.Pattern)
}
