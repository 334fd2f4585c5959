package controltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testSteer(t *testing.T, open Factory) {
	t.Run("PauseGivesTheSlotBack", func(t *testing.T) { pauseRunning(t, newRig(t, open, nil)) })

	t.Run("PausedWantsNoSlot", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
		l := r.cold(ticket("acme", "one"))
		r.waits(ticket("acme", "two"), fleet.WaitSlot)
		paused := ticket("acme", "two")
		paused.Pause = &fleet.SteerRequest{By: "ada@desk"}
		r.waits(paused, fleet.WaitPaused)
		require.Empty(t, r.record(l).Follow.Grants)
		require.Zero(t, r.decide("acme").Unmet)
		r.leased(ticket("acme", "two"))
		require.Equal(t, []string{": ticket resume", "ada@desk: ticket pause"}, r.trail("acme"))
		require.Contains(t, r.kinds("acme", "two"), fleet.DecidedResume)
	})

	t.Run("StartAtIsWaitedFor", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
		r.record(r.cold(ticket("acme", "one")))
		later := ticket("acme", "later", func(in *fleet.TicketInput) { in.StartAt = "1h" })
		a := r.waits(later, fleet.WaitScheduled)
		require.Equal(t, r.clock.now().Add(time.Hour), a.Wait.Until)
		require.False(t, a.Tell, "the conductor could do nothing")
		d := r.decide("acme")
		require.Empty(t, d.Follow.Grants)
		require.Zero(t, d.Unmet)
		r.clock.advance(time.Hour)
		l := r.leased(later)
		require.True(t, l.Warm, "it came at its startAt")
		require.Equal(t, "1h", string(r.row("acme", "later").Input.StartAt))
	})

	t.Run("MaxCostSaysUntilWhen", func(t *testing.T) { maxCost(t, newRig(t, open, nil)) })
	t.Run("NoMoreMayWaitThanThePlanAllows", func(t *testing.T) { maxWaiting(t, newRig(t, open, nil)) })
}

func pauseRunning(t *testing.T, r *rig) {
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "one"))
	r.waits(ticket("acme", "two"), fleet.WaitSlot)
	pause := ticket("acme", "one")
	pause.Pause = &fleet.SteerRequest{By: "ada@desk", Reason: "the site is slow"}
	a := r.route(pause)
	require.Equal(t, fleet.RouteFence, a.Kind, "the fence comes first")
	require.Equal(t, 1, r.crawler(l.GUID).Leased)
	pause.Fenced = a.Epoch
	for i := range 2 {
		a = r.waits(pause, fleet.WaitPaused)
		require.Equal(t, i == 0, a.Tell, "somebody else can have the slot")
	}
	require.Equal(t, "paused by ada@desk: the site is slow", a.Wait.Message)
	d := r.decide("acme")
	require.Len(t, d.Follow.Grants, 1)
	require.Equal(t, fleet.TicketID("two"), d.Follow.Grants[0].Ticket)
	require.Equal(t, []string{"ada@desk: ticket pause"}, r.trail("acme"))

	r.waits(ticket("acme", "one"), fleet.WaitSlot)
	r.record(r.leased(ticket("acme", "two")))
	again := r.leased(ticket("acme", "one"))
	require.Greater(t, again.Epoch, l.Epoch)
	require.Equal(t, a.Epoch, int64(0))
}

func maxCost(t *testing.T, r *rig) {
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2})
	limited := ticket("acme", "one", func(in *fleet.TicketInput) { in.MaxCost = &fleet.Money{Micros: 10_000, Currency: "EUR"} })
	l := r.cold(limited)
	// A slot is half a crawler, which costs 1,000 a second.
	require.Equal(t, l.TakenAt.Add(20*time.Second), l.Until)
	require.Equal(t, l.Until, r.row("acme", "one").Lease.Until)
	require.Equal(t, l.Until, r.leased(limited).Until, "a repeat says the same")
	r.clock.advance(5 * time.Second)
	_, err := r.Bury(r.ctx, l.GUID, "killed")
	require.NoError(t, err)
	again := limited
	again.Lost, again.Why = l.Epoch, fleet.CodeCrawlerLost
	again.Fenced = r.route(again).Epoch
	require.Equal(t, fleet.RouteWait, r.route(again).Kind)
	r.serve(r.decide("acme").Starts[0])
	moved := r.leased(limited)
	require.Equal(t, moved.TakenAt.Add(15*time.Second), moved.Until, "what it has cost before counts")

	_, err = r.Route(r.ctx, ticket("acme", "two", func(in *fleet.TicketInput) {
		in.MaxCost = &fleet.Money{Micros: 1, Currency: "USD"}
	}))
	refused(t, err, fleet.CodeInvalid, "maxCost.currency")
	require.Zero(t, r.leased(ticket("acme", "free")).Until)
}

func maxWaiting(t *testing.T, r *rig) {
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1, MaxWaiting: 2})
	l := r.cold(ticket("acme", "one"))
	r.waits(ticket("acme", "two"), fleet.WaitSlot)
	r.waits(ticket("acme", "later", func(in *fleet.TicketInput) { in.StartAt = "1h" }), fleet.WaitScheduled)
	for i := range 2 {
		_, err := r.Route(r.ctx, ticket("acme", fleet.TicketID(fmt.Sprint("more", i))))
		e := refused(t, err, fleet.CodeQuota, "tenant")
		require.Equal(t, time.Minute, e.RetryAfter.Std(), "nothing has ended")
		require.Contains(t, e.Error(), "plan.maxWaiting")
	}
	_, err := r.Ticket(r.ctx, "acme", "more0")
	refused(t, err, fleet.CodeNotFound, "id")
	r.waits(ticket("acme", "two"), fleet.WaitSlot)
	r.record(l)
	_, err = r.Route(r.ctx, ticket("acme", "more0"))
	require.NoError(t, err, "one of those that waited is served")
	_, err = r.Route(r.ctx, ticket("acme", "more1"))
	require.Equal(t, 5*time.Minute, refused(t, err, fleet.CodeQuota, "tenant").RetryAfter.Std(), "one ended in five minutes")
}
