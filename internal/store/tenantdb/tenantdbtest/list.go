package tenantdbtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func listed(work []fleet.FrontierURL) map[string]fleet.ListKind {
	kinds := map[string]fleet.ListKind{}
	for _, u := range work {
		if u.List != "" {
			kinds[u.URL] = u.List
		}
	}
	return kinds
}

// asLists are links to lists of a kind.
func asLists(kind fleet.ListKind, urls ...string) []fleet.Link {
	list := links(urls...)
	for i := range list {
		list[i].Seed, list[i].List = true, kind
	}
	return list
}

// lists: what is found to be a list is handed out as one, to every crawler that comes, also
// where it was known as a page and nobody has it yet.
func lists(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/", "http://a.test/index")
	home, index := a.Work[0], a.Work[1]
	a = c.exchange(t, with(fetched(home, "http://a.test/known", "http://a.test/page")), want(0))
	require.Empty(t, a.Work)
	many := []string{"http://a.test/known", "http://b.test/new"}
	for i := range 300 { // more than one statement takes
		many = append(many, fmt.Sprintf("http://b.test/%d", i))
	}
	p := fetched(index)
	p.Links = asLists("", "http://b.test/new") // an entry of a sitemap, and one itself
	p.Links = append(p.Links, asLists(fleet.ListNamed, many...)...)
	p.Links = append(p.Links, asLists(fleet.ListAnnounced, "http://c.test/")...)
	p.Links = append(p.Links, links("http://a.test/other", "http://b.test/new")...)
	a = c.exchange(t, with(p), want(1000))
	require.EqualValues(t, 2+2+1+300+1+1, a.Counters.Discovered)
	want := map[string]fleet.ListKind{"http://c.test/": fleet.ListAnnounced}
	for _, u := range many {
		want[u] = fleet.ListNamed
	}
	require.Equal(t, want, listed(a.Work))
	require.Equal(t, a.Work, c.again(t).Work)

	c = w.claim(t, ticket, 2, wide())
	got := listed(c.claim.Work)
	for len(got) < len(want) {
		a = c.exchange(t)
		require.NotEmpty(t, a.Work)
		for u, kind := range listed(a.Work) {
			got[u] = kind
		}
	}
	require.Equal(t, want, got)
}

func listsRecrawled(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/index")
	p := fetched(a.Work[0])
	p.Links = asLists(fleet.ListNamed, "http://a.test/map")
	a = c.report(t, p)
	require.Equal(t, fleet.NextEnd, c.report(t, fetched(a.Work[0])).Next)
	in := wide()
	in.ID, in.Recrawl = "t-2", &fleet.Recrawl{Of: string(ticket)}
	c = w.claim(t, "t-2", 2, in)
	a = c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/index") })
	require.Equal(t, map[string]fleet.ListKind{"http://a.test/map": fleet.ListNamed}, listed(a.Work))
}
