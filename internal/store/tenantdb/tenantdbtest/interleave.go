package tenantdbtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Interleave plays random claims, batches, lost answers, repeats, kills, raises, closes
// and reopenings of one crawl at a time against a model of the web. After every step the
// counters add up, no page is stored twice, the page limit holds and who is fenced has
// changed nothing; in the end every URL within the limits has come to its one end.
func Interleave(t *testing.T, open Factory) {
	w := newWorld(t, open)
	games := 0
	play := func(rt *rapid.T) {
		games++
		g := newGame(t, rt, w, fleet.TicketID(fmt.Sprintf("game-%d", games)))
		rt.Repeat(map[string]func(*rapid.T){
			"":         g.check,
			"exchange": g.exchange,
			"repeat":   g.repeat,
			"disturb":  g.disturb,
			"time":     func(*rapid.T) { w.advance(time.Second) },
		})
		g.finish(rt)
	}
	for range 2 { // of 100 games each: some mistakes need a rare site
		rapid.Check(t, play)
	}
}

// game is one crawl and the crawlers that ever claimed it, the fenced ones included: a
// kill is a crawler that does not move any more, and may come back.
type game struct {
	t        *testing.T
	w        *world
	id       fleet.TicketID
	web      web
	in       fleet.TicketInput
	crawlers []*player
	holder   *player // who may store, nil for nobody
	epoch    int64
	closed   bool // from outside
	ended    bool // by its own last batch
	reopened int64
}

// player is a crawler with what it holds.
type player struct {
	epoch, fence, seq int64
	seed              bool
	held              []fleet.FrontierURL
	last              *fleet.ExchangeRequest
	answer            fleet.ExchangeAnswer // of last
	lost              bool                 // the answer of last was not received
}

func newGame(t *testing.T, rt *rapid.T, w *world, id fleet.TicketID) *game {
	depth := rapid.SampledFrom([]int{0, 1, 2, 3, fleet.DefaultMaxDepth}).Draw(rt, "maxDepth")
	pages := rapid.SampledFrom([]int64{1, 2, 5, 1000, 1000}).Draw(rt, "maxPages")
	in := spec(pages, depth)
	in.ID = id
	return &game{t: t, w: w, id: id, in: in, web: drawWeb(rt)}
}

func (g *game) counters(t require.TestingT) fleet.Counters {
	n, _, err := g.w.Progress(g.t.Context(), tenant, g.id)
	require.NoError(t, err)
	return n
}

func (g *game) pages(t require.TestingT) []fleet.PageRow {
	list, err := g.w.Pages(g.t.Context(), tenant, g.id, 0, 10_000)
	require.NoError(t, err)
	return list
}

// check holds what was stored to the promises.
func (g *game) check(rt *rapid.T) {
	n := g.counters(rt)
	require.True(rt, n.Balanced(), "%+v", n)
	require.LessOrEqual(rt, n.Fetched+n.InFlight, g.in.Scope.MaxPages)
	seen, last := map[string]bool{}, int64(0)
	by := map[fleet.PageOutcome]int64{}
	for _, p := range g.pages(rt) {
		require.Greater(rt, p.Seq, last)
		require.False(rt, seen[p.URL], "%s is stored twice", p.URL)
		require.Equal(rt, g.web.outcome[p.URL], p.Outcome)
		last, seen[p.URL] = p.Seq, true
		by[p.Outcome]++
	}
	require.Equal(rt, by[fleet.PageFetched], n.Fetched)
	require.Equal(rt, by[fleet.PageRedirected], n.Redirected)
	require.Equal(rt, by[fleet.PageFailed], n.Failed)
	if g.closed || g.ended {
		require.Zero(rt, n.Queued+n.InFlight)
	} else {
		require.Equal(rt, by[fleet.PageSkipped], n.Skipped)
	}
}

// disturb is rare enough that a crawl gets somewhere in between.
func (g *game) disturb(rt *rapid.T) {
	if g.holder == nil && !g.closed && !g.ended {
		g.claim(rt)
		return
	}
	switch rapid.IntRange(0, 11).Draw(rt, "disturbance") {
	case 0, 1:
		g.claim(rt)
	case 2:
		g.raise(rt)
	case 3:
		g.close(rt)
	case 4, 5:
		g.reopen(rt)
	}
}

func (g *game) claim(rt *rapid.T) {
	epoch := max(0, g.epoch+int64(rapid.IntRange(-1, 1).Draw(rt, "epoch")))
	before := g.counters(rt)
	a, err := g.w.Claim(g.t.Context(), fleet.ClaimRequest{
		Tenant: tenant, Ticket: g.id, Epoch: epoch, Want: rapid.IntRange(0, 3).Draw(rt, "want"),
		GUID: fleet.GUID(fmt.Sprintf("guid-%d", epoch)),
	}, g.in)
	if epoch < g.epoch || g.closed {
		require.Equal(rt, fleet.CodeFenced, fleet.CodeOf(err))
		require.Equal(rt, before, g.counters(rt))
		return
	}
	require.NoError(rt, err)
	if g.ended {
		require.NotEmpty(rt, a.Outcome)
		return
	}
	for _, c := range g.crawlers {
		require.Greater(rt, a.Fence, c.fence)
	}
	g.epoch = epoch
	g.holder = &player{epoch: epoch, fence: a.Fence, seed: a.Seed, held: a.Work}
	g.crawlers = append(g.crawlers, g.holder)
}

// exchange lets any crawler send its next batch, or the last one again when its answer
// was lost, as a crawler does.
func (g *game) exchange(rt *rapid.T) {
	if len(g.crawlers) == 0 {
		rt.Skip("nobody has claimed")
	}
	c := g.crawlers[len(g.crawlers)-1]
	if rapid.IntRange(0, 4).Draw(rt, "one of the past") == 0 {
		c = rapid.SampledFrom(g.crawlers).Draw(rt, "crawler")
	}
	if c.lost {
		g.send(rt, c, *c.last, true)
		return
	}
	c.seq++
	r := fleet.ExchangeRequest{
		Tenant: tenant, Ticket: g.id, GUID: fleet.GUID(fmt.Sprintf("guid-%d", c.epoch)),
		Fence: c.fence, Seq: c.seq, Want: rapid.IntRange(0, 4).Draw(rt, "want"),
	}
	if c.seed {
		r.Seeds, c.seed = links(g.web.seeds...), false
	}
	for range rapid.IntRange(0, len(c.held)).Draw(rt, "report") {
		i := rapid.IntRange(0, len(c.held)-1).Draw(rt, "held")
		u := c.held[i]
		c.held = slices.Delete(slices.Clone(c.held), i, i+1)
		p := page(u, g.web.outcome[u.URL], g.web.links[u.URL]...)
		if rapid.IntRange(0, 9).Draw(rt, "retry") == 0 {
			p = fleet.PageResult{ID: u.ID, Retry: true, RetryAfter: fleet.Duration(
				time.Duration(rapid.IntRange(0, 2).Draw(rt, "after")) * time.Second)}
		}
		r.Pages = append(r.Pages, p)
	}
	g.send(rt, c, r, false)
}

// repeat sends a batch once more whose answer has come: a copy that was late.
func (g *game) repeat(rt *rapid.T) {
	for _, c := range g.crawlers {
		if c.last != nil {
			before := g.counters(rt)
			a, err := g.w.Exchange(g.t.Context(), *c.last)
			require.NoError(rt, err)
			require.Equal(rt, before, g.counters(rt))
			if g.holder == c && !c.lost {
				require.Equal(rt, c.answer.Work, a.Work)
			}
		}
	}
}

func (g *game) send(rt *rapid.T, c *player, r fleet.ExchangeRequest, again bool) {
	before := g.counters(rt)
	a, err := g.w.Exchange(g.t.Context(), r)
	require.NoError(rt, err)
	after := g.counters(rt)
	require.Equal(rt, after, a.Counters)
	if c != g.holder {
		require.Equal(rt, fleet.NextStop, a.Next)
		require.Equal(rt, before, after, "a fenced crawler has stored something")
		c.lost = false
		return
	}
	if again || g.ended {
		require.Equal(rt, before, after)
	}
	if again {
		require.Equal(rt, c.answer.Work, a.Work)
		require.Equal(rt, c.answer.Next, a.Next)
	}
	c.last, c.answer = &r, a
	if a.Next == fleet.NextEnd {
		g.ended = true
	}
	if c.lost = rapid.IntRange(0, 4).Draw(rt, "answer lost") == 0; c.lost {
		return
	}
	for _, u := range a.Work {
		require.NotContains(rt, c.held, u, "handed out twice")
	}
	c.held = append(slices.Clone(c.held), a.Work...)
}

func (g *game) raise(rt *rapid.T) {
	epoch := max(0, g.epoch+int64(rapid.IntRange(-1, 1).Draw(rt, "epoch")))
	require.NoError(rt, g.w.Raise(g.t.Context(), tenant, g.id, epoch))
	if epoch > g.epoch {
		g.epoch, g.holder = epoch, nil
	}
}

func (g *game) close(rt *rapid.T) {
	n, err := g.w.Close(g.t.Context(), tenant, g.id, fleet.OutcomeCancelled, "")
	require.NoError(rt, err)
	require.Equal(rt, n, g.counters(rt))
	if !g.ended {
		g.closed, g.holder = true, nil
	}
}

func (g *game) reopen(rt *rapid.T) {
	epoch := max(0, g.epoch+int64(rapid.IntRange(-1, 1).Draw(rt, "epoch")))
	require.NoError(rt, g.w.Reopen(g.t.Context(), tenant, g.id, epoch))
	if epoch <= g.reopened || epoch < g.epoch {
		return
	}
	if g.closed || g.ended || epoch > g.epoch {
		g.holder = nil
	}
	g.reopened, g.epoch, g.closed, g.ended = epoch, epoch, false, false
}
