package controltest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testReader(t *testing.T, open Factory) {
	each(t, open, []part{
		{"Lists", lists},
		{"CrawlersPageByPage", crawlersPageByPage},
		{"UnfinishedAndLeasesByAge", unfinishedAndLeasesByAge},
		{"OverlookedIsWhomTheConductorLeftWaiting", overlookedIsWhomTheConductorLeftWaiting},
		{"PreviewReservesNothing", previewReservesNothing},
	})
}

func lists(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.tenant("other", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	blue := func(in *fleet.TicketInput) { in.Labels = map[string]string{"colour": "blue"} }
	r.leased(ticket("acme", "two", blue))
	r.leased(ticket("acme", "three"))
	r.route(ticket("other", "one"))
	list := func(f fleet.TicketFilter) (out []string) {
		rows, err := r.Tickets(r.ctx, f)
		require.NoError(t, err)
		for _, row := range rows {
			out = append(out, string(row.Input.Tenant)+"/"+string(row.Input.ID))
		}
		return out
	}
	require.Equal(t, []string{"other/one", "acme/three", "acme/two", "acme/one"}, list(fleet.TicketFilter{}))
	require.Equal(t, []string{"acme/three"}, list(fleet.TicketFilter{Tenant: "acme", Limit: 1}))
	require.Equal(t, []string{"acme/one"}, list(fleet.TicketFilter{State: fleet.TicketEnded}))
	require.Equal(t, []string{"acme/two"},
		list(fleet.TicketFilter{Label: map[string]string{"colour": "blue"}, Limit: 1}))
	require.Equal(t, []string{"acme/two", "acme/one"},
		list(fleet.TicketFilter{Tenant: "acme", Before: "three"}))
	require.Empty(t, list(fleet.TicketFilter{Tenant: "acme", Before: "one"}))
	require.Empty(t, list(fleet.TicketFilter{Tenant: "acme", Before: "unknown"}))

	_, err := r.Bury(r.ctx, l.GUID, "gone")
	require.NoError(t, err)
	live, err := r.Crawlers(r.ctx, "")
	require.NoError(t, err)
	require.Empty(t, live)
	all, err := r.AllCrawlers(r.ctx, fleet.CrawlerFilter{Tenant: "acme", Limit: math.MaxInt32})
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func crawlersPageByPage(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 5, SlotsPerCrawler: 1})
	r.tenant("other", fleet.Plan{})
	var want []fleet.GUID
	for _, id := range []fleet.TicketID{"one", "two", "three"} {
		want = append([]fleet.GUID{r.cold(ticket("acme", id)).GUID}, want...)
	}
	r.cold(ticket("other", "one"))
	_, err := r.Bury(r.ctx, want[1], "gone")
	require.NoError(t, err)
	list := func(f fleet.CrawlerFilter) (out []fleet.GUID) {
		rows, err := r.AllCrawlers(r.ctx, f)
		require.NoError(t, err)
		for _, c := range rows {
			out = append(out, c.GUID)
		}
		return out
	}
	require.Equal(t, want, list(fleet.CrawlerFilter{Tenant: "acme"}))
	require.Equal(t, want[:2], list(fleet.CrawlerFilter{Tenant: "acme", Limit: 2}))
	require.Equal(t, want[2:], list(fleet.CrawlerFilter{Tenant: "acme", Limit: 2, Before: want[1]}))
	require.Empty(t, list(fleet.CrawlerFilter{Tenant: "acme", Before: want[2]}))
	require.Empty(t, list(fleet.CrawlerFilter{Before: "unknown"}))
	require.Len(t, list(fleet.CrawlerFilter{}), 4, "of all tenants")
	var every []fleet.GUID
	for c, err := range fleet.EveryCrawler(r.ctx, r.Control, "acme") {
		require.NoError(t, err)
		every = append(every, c.GUID)
	}
	require.Equal(t, want, every)
}

func unfinishedAndLeasesByAge(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	count := func(age time.Duration) (int, int) {
		leases, err := r.Leases(r.ctx, age)
		require.NoError(t, err)
		open, err := r.Unfinished(r.ctx, age)
		require.NoError(t, err)
		return len(leases), len(open)
	}
	a, b := count(time.Minute)
	require.Zero(t, a+b)
	r.clock.advance(time.Minute)
	a, b = count(time.Minute)
	require.Equal(t, []int{1, 1}, []int{a, b})
	r.record(l)
	a, b = count(0)
	require.Zero(t, a+b)
}

func overlookedIsWhomTheConductorLeftWaiting(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	overlooked := func() []fleet.TenantID {
		t.Helper()
		all, err := r.Overlooked(r.ctx, time.Minute)
		require.NoError(t, err)
		return all
	}
	r.route(ticket("acme", "one")) // and its Conductor was terminated before it decided
	require.Empty(t, overlooked())
	r.clock.advance(time.Minute)
	require.Equal(t, []fleet.TenantID{"acme"}, overlooked())
	r.decide("acme")
	require.Empty(t, overlooked())
	r.clock.advance(time.Minute) // what it reserved was not started
	require.Equal(t, []fleet.TenantID{"acme"}, overlooked())
}

func previewReservesNothing(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	p, err := r.Preview(r.ctx, ticket("acme", "one").Input)
	require.NoError(t, err)
	require.Equal(t, fleet.RouteWait, p.Kind)
	require.Equal(t, fleet.OfferingID("process/a"), p.Start)
	require.Len(t, p.Candidates, 1)
	require.True(t, p.Candidates[0].Chosen)
	live, err := r.Crawlers(r.ctx, "acme")
	require.NoError(t, err)
	require.Empty(t, live)

	l := r.cold(ticket("acme", "one"))
	p, err = r.Preview(r.ctx, ticket("acme", "").Input)
	require.NoError(t, err)
	require.Equal(t, fleet.RouteLeased, p.Kind)
	require.Empty(t, p.Start)
	require.Equal(t, l.GUID, p.Candidates[0].GUID)
	require.True(t, p.Candidates[0].Chosen)
	_, err = r.Preview(r.ctx, ticket("acme", "x", func(in *fleet.TicketInput) {
		in.Place.Regions = []string{"nowhere"}
	}).Input)
	refused(t, err, fleet.CodeInvalid, "place")
	_, err = r.Preview(r.ctx, ticket("nobody", "x").Input)
	refused(t, err, fleet.CodeNotFound, "tenant")
}
