package tenantdbtest

import (
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// finish lets one more crawler do the rest and judges the whole.
func (g *game) finish(rt *rapid.T) {
	g.epoch++
	require.NoError(rt, g.w.Reopen(g.t.Context(), tenant, g.id, g.epoch))
	a, err := g.w.Claim(g.t.Context(),
		fleet.ClaimRequest{Tenant: tenant, Ticket: g.id, Epoch: g.epoch, Want: 2}, g.in)
	require.NoError(rt, err)
	r := fleet.ExchangeRequest{Tenant: tenant, Ticket: g.id, Fence: a.Fence, Want: 2}
	if a.Seed {
		r.Seeds = links(g.web.seeds...)
	}
	end := fleet.ExchangeAnswer{Next: fleet.NextGo}
	for work := a.Work; end.Next == fleet.NextGo; work = end.Work {
		r.Seq++
		require.Less(rt, r.Seq, int64(100), "it does not come to an end")
		r.Pages = nil
		for _, u := range work {
			r.Pages = append(r.Pages, page(u, g.web.outcome[u.URL], g.web.links[u.URL]...))
		}
		end, err = g.w.Exchange(g.t.Context(), r)
		require.NoError(rt, err)
		r.Seeds = nil
		g.w.advance(end.NotBefore.Std())
	}
	require.Equal(rt, fleet.NextEnd, end.Next)
	g.ended, g.closed = true, false
	g.check(rt)
	g.judge(rt, end)
}

func (g *game) judge(rt *rapid.T, end fleet.ExchangeAnswer) {
	want, fetchable := g.web.reachable(*g.in.Scope.MaxDepth), int64(0)
	for u := range want {
		if g.web.outcome[u] == fleet.PageFetched {
			fetchable++
		}
	}
	stored := map[string]int{}
	for _, p := range g.pages(rt) {
		require.Contains(rt, want, p.URL, "out of reach")
		stored[p.URL] = p.Depth
		if *g.in.Scope.MaxDepth == fleet.DefaultMaxDepth { // whichever page came first
			stored[p.URL] = want[p.URL]
		}
	}
	n := end.Counters
	switch {
	case end.Outcome == fleet.OutcomeLimited:
		require.Equal(rt, g.in.Scope.MaxPages, n.Fetched, "exactly")
	case n.Fetched == 0 && n.Skipped == 0:
		require.Equal(rt, fleet.OutcomeFailed, end.Outcome)
		require.Equal(rt, fleet.CodeUnreachable, end.Error.Code)
	default:
		require.Equal(rt, fleet.OutcomeDone, end.Outcome)
	}
	if end.Outcome != fleet.OutcomeLimited {
		require.Equal(rt, want, stored, "a URL was lost, or is nearer")
		require.EqualValues(rt, len(want), n.Discovered)
		require.Equal(rt, fetchable, n.Fetched)
	}
}
