package tenantdbtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// cuts: what a crawler drops and what the limits drop is counted together.
func cuts(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/")
	home := fetched(a.Work[0], "http://a.test/1")
	home.Cut = fleet.Cuts{Length: 1, Calendar: 2}
	a = c.report(t, home)
	next := fetched(a.Work[0])
	next.Cut = fleet.Cuts{Calendar: 3}
	a = c.report(t, next)
	require.Equal(t, fleet.Cuts{Length: 1, Calendar: 5}, a.Counters.Cut)
	n, _, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Equal(t, a.Counters, n)
}

func hostLimit(t *testing.T, w *world) {
	in := wide()
	in.Scope.MaxPerHost = 3
	c, a := w.begin(t, in, "http://a.test/", "http://b.test/")
	b := a.Work[1]
	a = c.report(t, fetched(a.Work[0], "http://a.test/1", "http://a.test/2", "http://a.test/3",
		"http://b.test/", "http://b.test/1", "http://a.test/"))
	require.ElementsMatch(t, []string{"http://a.test/1", "http://a.test/2", "http://b.test/1"}, urls(a.Work))
	require.Equal(t, fleet.Cuts{Host: 1}, a.Counters.Cut)
	a = c.report(t, fetched(a.Work[0], "http://a.test/2", "http://a.test/9"), fetched(b, "http://b.test/1"))
	require.Equal(t, fleet.Cuts{Host: 2}, a.Counters.Cut, "what is known takes no place")
	require.EqualValues(t, 5, a.Counters.Discovered)
}

func patternLimit(t *testing.T, w *world) {
	in := wide()
	in.Scope.MaxPerPattern = 2
	c, a := w.begin(t, in, "http://a.test/")
	p := fetched(a.Work[0], "http://a.test/p/1", "http://a.test/p/2", "http://a.test/p/3", "http://a.test/q/1")
	for i := range p.Links[:3] {
		p.Links[i].Pattern = "a.test/p/#"
	}
	p.Links[3].Pattern = "a.test/q/#"
	a = c.report(t, p)
	require.ElementsMatch(t, []string{"http://a.test/p/1", "http://a.test/p/2", "http://a.test/q/1"}, urls(a.Work))
	again := fetched(a.Work[0], "http://a.test/p/2", "http://a.test/p/4")
	again.Links[0].Pattern, again.Links[1].Pattern = "a.test/p/#", "a.test/p/#"
	a = c.report(t, again)
	require.Equal(t, fleet.Cuts{Pattern: 2}, a.Counters.Cut)
}

// recrawl visits what another ticket has fetched, tells what it was, and what became of it.
func recrawl(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/")
	home := fetched(a.Work[0], "http://a.test/1", "http://a.test/2", "http://a.test/3")
	home.SHA256, home.ETag = "home", `"1"`
	a = c.report(t, home)
	one := fetched(a.Work[0])
	one.SHA256, one.LastModified = "one", "Sat, 21 Nov 2026 06:00:00 GMT"
	two := fetched(a.Work[1])
	two.SHA256 = "two"
	c.report(t, one, two, page(a.Work[2], fleet.PageFailed))

	in := wide()
	in.ID, in.Recrawl = "t-2", &fleet.Recrawl{Of: string(ticket)}
	c = w.claim(t, "t-2", 2, in)
	a = c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/", "http://a.test/new") })
	require.Equal(t, []string{"http://a.test/", "http://a.test/new", "http://a.test/1", "http://a.test/2"},
		urls(a.Work), "what had failed is not visited for its own sake")
	require.EqualValues(t, 4, a.Counters.Discovered)
	require.Equal(t, &fleet.Prior{SHA256: "home", ETag: `"1"`}, a.Work[0].Prior)
	require.Nil(t, a.Work[1].Prior)
	require.Equal(t, &fleet.Prior{SHA256: "one", LastModified: "Sat, 21 Nov 2026 06:00:00 GMT"}, a.Work[2].Prior)
	require.Equal(t, a.Work, c.again(t).Work)

	same := page(a.Work[0], fleet.PageNotModified)
	same.SHA256, same.Before, same.ETag = "home", "home", `"1"`
	fresh := fetched(a.Work[1])
	fresh.SHA256 = "new"
	changed := fetched(a.Work[2])
	changed.SHA256, changed.Before = "other", "one"
	gone := page(a.Work[3], fleet.PageFailed)
	gone.Status, gone.Before = 404, "two"
	a = c.report(t, same, fresh, changed, gone)
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.EqualValues(t, 1, a.Counters.NotModified)
	list, err := w.Pages(t.Context(), tenant, "t-2", 0, 100)
	require.NoError(t, err)
	var changes []fleet.Change
	for _, p := range list {
		changes = append(changes, p.Change)
	}
	require.Equal(t, []fleet.Change{
		fleet.ChangeSame, fleet.ChangeNew, fleet.ChangeChanged, fleet.ChangeGone,
	}, changes)
	for _, p := range w.pages(t) {
		require.Empty(t, p.Change, "the first one compares with nothing")
	}

	// The third goes on from the second, by the beginning of its name.
	in.ID, in.Recrawl = "t-3", &fleet.Recrawl{Of: "t-*"}
	c = w.claim(t, "t-3", 3, in)
	a = c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/") })
	require.ElementsMatch(t, []string{"http://a.test/", "http://a.test/new", "http://a.test/1"}, urls(a.Work))
	require.Equal(t, &fleet.Prior{SHA256: "home", ETag: `"1"`}, a.Work[0].Prior, "also of what was not sent again")
}

// base is a crawl that has fetched so many pages.
func (w *world) base(t *testing.T, pages int) {
	t.Helper()
	seeds := make([]string, pages)
	for i := range seeds {
		seeds[i] = fmt.Sprintf("http://%c.test/%d", 'a'+i%3, i)
	}
	c := w.claim(t, ticket, 1, spec(10_000, fleet.DefaultMaxDepth))
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links(seeds...) }, want(1000))
	for a.Next == fleet.NextGo {
		var done []fleet.PageResult
		for _, u := range a.Work {
			done = append(done, fetched(u))
		}
		a = c.exchange(t, with(done...), want(1000))
	}
	require.EqualValues(t, pages, a.Counters.Fetched)
}

// recrawlLarge: a transaction copies some of the base, a kill between two loses nothing, and
// the crawl does not end before all is there.
func recrawlLarge(t *testing.T, w *world) {
	const pages = 4500
	w.base(t, pages)
	in := spec(10_000, fleet.DefaultMaxDepth)
	in.ID, in.Recrawl = "t-2", &fleet.Recrawl{Of: string(ticket)}
	c := w.claim(t, "t-2", 1, in)
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/0") }, want(10))
	require.Greater(t, a.Counters.Discovered, int64(1))
	require.LessOrEqual(t, a.Counters.Discovered, int64(2001))
	require.NotEmpty(t, a.Work)

	c = w.claim(t, "t-2", 2, in) // the crawler was killed
	before := a.Counters.Discovered
	seen := map[string]int{}
	for _, u := range c.claim.Work {
		seen[u.URL]++
	}
	work, parts := c.claim.Work, 0
	for a.Next == fleet.NextGo {
		var done []fleet.PageResult
		for _, u := range work {
			require.NotNil(t, u.Prior, u.URL)
			done = append(done, fetched(u))
		}
		a = c.exchange(t, with(done...), want(1000))
		require.True(t, a.Counters.Balanced())
		if parts++; a.Counters.Discovered > before {
			require.LessOrEqual(t, a.Counters.Discovered-before, int64(2000), "exchange %d", parts)
			before = a.Counters.Discovered
		}
		require.Equal(t, a, c.again(t), "a repeat copies nothing")
		work = a.Work
		for _, u := range work {
			seen[u.URL]++
		}
	}
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.EqualValues(t, pages, a.Counters.Discovered)
	require.EqualValues(t, pages, a.Counters.Fetched)
	require.Len(t, seen, pages)
	for url, n := range seen {
		require.Equal(t, 1, n, url)
	}
	p, err := w.Pace(t.Context(), tenant, "t-2")
	require.NoError(t, err)
	require.Empty(t, p.Hosts, "nothing of any host is left")
}

// recrawlLevels: a depth limit of the ticket's own is exact, so that no level begins while
// more of it may come.
func recrawlLevels(t *testing.T, w *world) {
	w.base(t, 2500)
	in := spec(10_000, 1)
	in.ID, in.Recrawl = "t-2", &fleet.Recrawl{Of: string(ticket)}
	c := w.claim(t, "t-2", 1, in)
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/0") }, want(10))
	require.Empty(t, a.Work)
	require.Equal(t, fleet.NextGo, a.Next)
	require.Zero(t, a.NotBefore, "the next part comes with the next exchange")
	a = c.exchange(t, want(10))
	require.Len(t, a.Work, 10)
	require.EqualValues(t, 2500, a.Counters.Discovered)
}

func recrawlNothing(t *testing.T, w *world) {
	in := wide()
	for i, of := range []string{"never", "never-*", "t-*"} {
		in.ID, in.Recrawl = fleet.TicketID("r-"+of[:1]), &fleet.Recrawl{Of: of}
		c := w.claim(t, fleet.TicketID(rune('a'+i)), int64(i+1), in)
		a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/") })
		require.Len(t, a.Work, 1)
		require.Nil(t, a.Work[0].Prior)
		a = c.report(t, fetched(a.Work[0]))
		require.Equal(t, fleet.OutcomeDone, a.Outcome)
	}
}
