package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func market(all ...fleet.Offering) []fleet.Market {
	return []fleet.Market{{Provider: "process", Pins: true, Offerings: all}}
}

func (r *rig) offered(all ...fleet.Market) bool {
	r.t.Helper()
	changed, err := r.Offered(r.ctx, all)
	require.NoError(r.t, err)
	return changed
}

// places lists what is offered.
func (r *rig) places() (out []fleet.OfferingID) {
	r.t.Helper()
	all, err := r.Offerings(r.ctx)
	require.NoError(r.t, err)
	for _, o := range all {
		out = append(out, o.ID)
	}
	return out
}

func testOffering(t *testing.T, open Factory) {
	dear := func(o fleet.Offering) fleet.Offering { o.Price = euro(9_000_000); return o }
	t.Run("a place that has gone takes no new crawlers, and its own go on", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 1})
		require.True(t, r.offered(market(offering("a", 0), dear(offering("b", 0)))...))
		require.False(t, r.offered(market(offering("a", 0), dear(offering("b", 0)))...), "nothing new")
		here := func(in *fleet.TicketInput) { in.Place.Regions = []string{"region-a"} }
		l := r.cold(ticket("acme", "one"))
		require.Equal(t, fleet.OfferingID("process/a"), l.Offering)
		require.True(t, r.offered(market(dear(offering("b", 0)))...))
		require.Equal(t, []fleet.OfferingID{"process/b"}, r.places())
		require.Equal(t, fleet.OfferingID("process/b"), r.cold(ticket("acme", "two")).Offering)

		require.Equal(t, fleet.CrawlerServing, r.crawler(l.GUID).State)
		r.record(l)
		require.Equal(t, l.GUID, r.leased(ticket("acme", "three", here)).GUID, "it is where it was started")
	})
	t.Run("a silent provider offers what it did last, one that is not asked nothing", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, open, nil)
		nomad := fleet.Market{Provider: "nomad", Offerings: []fleet.Offering{{
			ID: "nomad/x", Provider: "nomad", Account: "nomad", Price: euro(1), Country: "HR", Grain: fleet.GrainHour,
		}}}
		process := fleet.Market{Provider: "process", Silent: true}
		require.True(t, r.offered(process, nomad))
		require.Equal(t, []fleet.OfferingID{"process/a", "nomad/x"}, r.places(), "at first what is configured")
		nomad.Silent, nomad.Offerings = true, nil
		require.False(t, r.offered(process, nomad))
		require.Equal(t, []fleet.OfferingID{"process/a", "nomad/x"}, r.places())
		require.True(t, r.offered(process))
		require.Equal(t, []fleet.OfferingID{"process/a"}, r.places())
	})
}

func testLeftover(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	born := r.clock.now().Add(-2 * time.Hour)
	c := fleet.Comparison{Provider: "process", Instances: 2, Leftovers: []fleet.Leftover{
		{Kind: fleet.LeftoverOrphan, Tenant: "acme", GUID: "g-1", Offering: "process/a", ProviderID: "4711", Created: born},
		{Kind: fleet.LeftoverOrphan, Tenant: "gone", GUID: "g-2", Offering: "process/unknown", Created: born},
		{Kind: fleet.LeftoverMissing, Tenant: "acme", GUID: l.GUID, Offering: "process/a"},
	}}
	require.NoError(t, r.Compared(r.ctx, c))
	first := r.clock.now()
	r.clock.advance(time.Hour)
	require.NoError(t, r.Compared(r.ctx, fleet.Comparison{Provider: "process", Error: "its API is away"}))

	all, err := r.Comparisons(r.ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "its API is away", all[0].Error)
	require.Equal(t, first, all[0].Done)
	require.Equal(t, r.clock.now(), all[0].Tried)
	require.Len(t, all[0].Leftovers, 3, "a list that failed says nothing")
	byGUID := map[fleet.GUID]fleet.Leftover{}
	for _, x := range all[0].Leftovers {
		byGUID[x.GUID] = x
	}
	require.Equal(t, euro(3*3_600_000), *byGUID["g-1"].Cost, "three hours at the place's price")
	require.Nil(t, byGUID["g-2"].Cost)
	require.Nil(t, byGUID[l.GUID].Cost, "what is not there costs nothing")
	g, err := r.Gauges(r.ctx)
	require.NoError(t, err)
	require.Equal(t, 3, g.Leftovers["process"])
	require.Equal(t, 1, g.Unlisted)

	c.Leftovers = c.Leftovers[:1]
	require.NoError(t, r.Compared(r.ctx, c))
	all, err = r.Comparisons(r.ctx)
	require.NoError(t, err)
	require.Len(t, all[0].Leftovers, 1)
	require.Equal(t, first, all[0].Leftovers[0].Found, "it was found before")
	require.Empty(t, all[0].Error)
	found, err := r.Traces(r.ctx, "acme")
	require.NoError(t, err)
	require.EqualValues(t, 1, found["leftovers"])
}
