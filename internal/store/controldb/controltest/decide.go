package controltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testDecide(t *testing.T, open Factory) {
	each(t, open, []part{
		{"StartsWhatTheDemandNeeds", startsWhatTheDemandNeeds},
		{"PlanBoundsCrawlersAndSlots", planBoundsCrawlersAndSlots},
		{"LostGrantIsToldAgain", lostGrantIsToldAgain},
		{"UnplacedLaunchesAreCapped", unplacedLaunchesAreCapped},
		{"FullOfferingFailsOverAndSaysWhy", fullOfferingFailsOverAndSaysWhy},
		{"SmallerPlanDrains", smallerPlanDrains},
		{"ReservedCrawlerOverThePlanIsNotLaunched", reservedCrawlerOverThePlanIsNotLaunched},
		{"RoundsWithoutChangeLeaveNoRecords", roundsWithoutChangeLeaveNoRecords},
		{"UnknownTenant", decideUnknownTenant},
	})
}

func startsWhatTheDemandNeeds(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 4})
	flood(r, 6)
	d := r.decide("acme")
	require.Len(t, d.Starts, 2)
	require.Zero(t, d.Unmet)
	require.NotEmpty(t, d.Reason)
	again := r.decide("acme")
	require.Equal(t, d.Starts, again.Starts, "those that are not known to run, and no more")
	for _, in := range d.Starts {
		_, err := r.Launching(r.ctx, in)
		require.NoError(t, err)
	}
	require.Empty(t, r.decide("acme").Starts)
	require.Contains(t, r.kinds("acme", "t00"), fleet.DecidedStart)
}

func planBoundsCrawlersAndSlots(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2, MaxSlots: 3})
	flood(r, 9)
	d := r.decide("acme")
	require.Len(t, d.Starts, 2)
	require.Equal(t, 6, d.Unmet)
	require.Equal(t, fleet.WaitSlots, r.row("acme", "t08").Wait.Code)
	for _, in := range d.Starts {
		r.serve(in)
	}
	leases, err := r.Leases(r.ctx, 0)
	require.NoError(t, err)
	require.Len(t, leases, 3)
	for _, l := range leases {
		require.True(t, l.Granted)
		require.NotEmpty(t, l.WorkflowID)
	}
}

func lostGrantIsToldAgain(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	flood(r, 1)
	f := r.serve(r.decide("acme").Starts[0])
	require.Equal(t, f.Grants, r.decide("acme").Follow.Grants)
	r.leased(ticket("acme", "t00"))
	require.Empty(t, r.decide("acme").Follow.Grants)
}

func unplacedLaunchesAreCapped(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.UnplacedMax = 1 })
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 1})
	flood(r, 3)
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, fleet.WaitUnplaced, r.row("acme", "t02").Wait.Code)
	f := r.serve(d.Starts[0])
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors, "there is room for another launch")
	require.Len(t, r.decide("acme").Starts, 1)
}

func fullOfferingFailsOverAndSaysWhy(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) {
		c.Offerings = []fleet.Offering{offering("a", 1), offering("b", 1)}
		c.Offerings[1].Price = euro(9_000_000)
	})
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 1})
	flood(r, 3)
	d := r.decide("acme")
	require.Len(t, d.Starts, 2)
	require.Equal(t, fleet.OfferingID("process/a"), d.Starts[0].Offering)
	require.Equal(t, fleet.OfferingID("process/b"), d.Starts[1].Offering)
	wait := r.row("acme", "t02").Wait
	require.Equal(t, fleet.WaitCapacity, wait.Code)
	require.Contains(t, wait.Message, "process/a")
	records, err := r.Decisions(r.ctx, "acme", "t01")
	require.NoError(t, err)
	found := false
	for _, rec := range records {
		found = found || rec.Kind == fleet.DecidedStart && rec.GUID == d.Starts[1].GUID
	}
	require.True(t, found)
	o, err := r.Offerings(r.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, o[0].Running)
}

func smallerPlanDrains(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	one := r.cold(ticket("acme", "one"))
	two := r.cold(ticket("acme", "two"))
	r.record(two)
	f, err := r.SetPlan(r.ctx, fleet.TenantInput{Tenant: "acme", Plan: fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1}})
	require.NoError(t, err)
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
	d := r.decide("acme")
	require.Equal(t, []fleet.CrawlerDrain{{
		CrawlerRef: fleet.CrawlerRef{Tenant: "acme", GUID: two.GUID},
		DrainRequest: fleet.DrainRequest{
			Reason: "the plan allows no more than 1 crawler", Grace: fleet.Duration(fleet.GraceTickets),
		},
	}}, d.Follow.Drains)
	require.Equal(t, fleet.CrawlerDraining, r.crawler(two.GUID).State)
	require.Equal(t, fleet.CrawlerServing, r.crawler(one.GUID).State)
	require.Equal(t, d.Follow.Drains, r.decide("acme").Follow.Drains, "it has not been told yet")
	_, err = r.Drain(r.ctx, two.GUID, d.Follow.Drains[0].Reason)
	require.NoError(t, err)
	require.Empty(t, r.decide("acme").Follow.Drains)
}

func reservedCrawlerOverThePlanIsNotLaunched(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	flood(r, 2)
	d := r.decide("acme")
	_, err := r.SetPlan(r.ctx, fleet.TenantInput{Tenant: "acme", Plan: fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1}})
	require.NoError(t, err)
	require.Len(t, r.decide("acme").Starts, 1)
	row, err := r.Launching(r.ctx, d.Starts[1])
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerGone, row.State)
}

func roundsWithoutChangeLeaveNoRecords(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	r.cold(ticket("acme", "one"))
	r.waits(ticket("acme", "two"), fleet.WaitSlot)
	r.decide("acme")
	before := len(r.kinds("acme", "two"))
	for range 5 {
		r.clock.advance(time.Second)
		r.decide("acme")
		r.waits(ticket("acme", "two"), fleet.WaitSlot)
	}
	require.Len(t, r.kinds("acme", "two"), before)
}

func decideUnknownTenant(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	_, err := r.Decide(r.ctx, "nobody")
	refused(t, err, fleet.CodeNotFound, "tenant")
}

// flood asks for so many tickets, each a little later than the one before.
func flood(r *rig, n int) {
	r.t.Helper()
	for i := range n {
		r.route(ticket("acme", fleet.TicketID(fmt.Sprintf("t%02d", i))))
		r.clock.advance(time.Millisecond)
	}
}
