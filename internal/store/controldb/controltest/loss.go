package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testLoss(t *testing.T, open Factory) {
	each(t, open, []part{
		{"BuryFreesTheLeases", buryFreesTheLeases},
		{"BuriedAndGrantedAtOnceIsFencedFirst", buriedAndGrantedAtOnceIsFencedFirst},
		{"EndedBeforeItsBurialWasKnown", endedBeforeItsBurialWasKnown},
		{"BuryOfAClosingTicketLeavesItsEnd", buryOfAClosingTicketLeavesItsEnd},
		{"FailedLaunchCoolsAndFailsOver", failedLaunchCoolsAndFailsOver},
		{"FailureOfOursCoolsNothing", failureOfOursCoolsNothing},
		{"LongerCooldownStands", longerCooldownStands},
		{"ScopesOfCooldowns", scopesOfCooldowns},
		{"ARegionThatCoolsDownIsOneProviders", regionsOfTwoProviders},
	})
}

func buryFreesTheLeases(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.leased(ticket("acme", "two"))
	r.clock.advance(4 * time.Second)
	var first fleet.BuryAnswer
	for i := range 2 {
		a, err := r.Bury(r.ctx, l.GUID, "killed by signal 9")
		require.NoError(t, err)
		require.Len(t, a.Leases, 2)
		require.Equal(t, []fleet.TenantID{"acme"}, a.Follow.Conductors)
		for j, want := range []fleet.TicketID{"one", "two"} {
			require.Equal(t, want, a.Leases[j].Ticket)
			require.Equal(t, l.GUID, a.Leases[j].GUID)
			require.Equal(t, "run-1", a.Leases[j].RunID)
			if i == 0 {
				continue
			}
			require.Equal(t, first.Leases[j].Epoch, a.Leases[j].Epoch)
		}
		first = a
	}
	c := r.crawler(l.GUID)
	require.Equal(t, fleet.CrawlerGone, c.State)
	require.Zero(t, c.Leased)
	row := r.row("acme", "one")
	require.Equal(t, fleet.TicketWaiting, row.State)
	require.Contains(t, row.Wait.Message, "killed by signal 9")
	b, err := r.Bill(r.ctx, "acme", "one")
	require.NoError(t, err)
	require.Equal(t, euro(1000), b.Total)

	req := ticket("acme", "one")
	req.Lost, req.Why = l.Epoch, fleet.CodeCrawlerLost
	req.Fenced = r.route(req).Epoch
	next := r.cold(req)
	require.NotEqual(t, l.GUID, next.GUID)
	a, err := r.Bury(r.ctx, l.GUID, "again")
	require.NoError(t, err)
	require.Empty(t, a.Leases, "both have a lease elsewhere by now")
	result := r.record(next).Result
	require.Equal(t, 1, result.Moves)
	require.Equal(t, []fleet.GUID{l.GUID, next.GUID}, result.Crawlers)
}

func buriedAndGrantedAtOnceIsFencedFirst(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 1})
	l, other := r.cold(ticket("acme", "one")), r.cold(ticket("acme", "two"))
	r.record(other) // its slot is free
	_, err := r.Bury(r.ctx, l.GUID, "killed by signal 9")
	require.NoError(t, err)
	r.decide("acme") // before the ticket comes
	req := ticket("acme", "one")
	req.Lost, req.Why = l.Epoch, fleet.CodeCrawlerLost
	a := r.route(req)
	require.Equal(t, fleet.RouteFence, a.Kind)
	require.Greater(t, a.Epoch, l.Epoch)
	require.Equal(t, a, r.route(req), "a repeat asks for the same")
	req.Fenced = a.Epoch
	next := r.leased(req)
	require.Equal(t, a.Epoch, next.Epoch)
	require.Equal(t, other.GUID, next.GUID)
}

// The crawl ended, its crawler too, and the ticket was given another slot, all before the
// ticket's workflow could say how it ended.
func endedBeforeItsBurialWasKnown(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 1})
	l, other := r.cold(ticket("acme", "one")), r.cold(ticket("acme", "two"))
	_, err := r.Bury(r.ctx, l.GUID, "ended")
	require.NoError(t, err)
	r.record(other)
	r.decide("acme")
	granted := r.row("acme", "one").Lease
	require.NotNil(t, granted, "it is its turn")
	require.Equal(t, other.GUID, granted.GUID)
	require.Greater(t, granted.Epoch, l.Epoch)
	a := r.record(l)
	require.Equal(t, fleet.OutcomeDone, a.Result.Outcome)
	require.Zero(t, r.crawler(other.GUID).Leased, "the slot is free again")
	require.Equal(t, a.Result, r.record(l).Result, "a repeat answers the same")
}

func buryOfAClosingTicketLeavesItsEnd(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	_, err := r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeCancelled})
	require.NoError(t, err)
	a, err := r.Bury(r.ctx, l.GUID, "gone")
	require.NoError(t, err)
	require.Len(t, a.Leases, 1)
	require.Empty(t, a.Follow.Conductors)
	require.Equal(t, fleet.TicketClosing, r.row("acme", "one").State)
	require.Equal(t, fleet.OutcomeCancelled, r.record(l).Result.Outcome)
}

func failedLaunchCoolsAndFailsOver(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.Offerings = append(c.Offerings, offering("b", 0)) })
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	require.Equal(t, fleet.OfferingID("process/a"), in.Offering)
	require.Equal(t, fleet.WaitStarting, r.row("acme", "one").Wait.Code)
	failure := fleet.LaunchFailure{GUID: in.GUID, Class: fleet.ClassCapacity, Reason: "no room"}
	for range 2 {
		f, err := r.Failed(r.ctx, failure)
		require.NoError(t, err)
		require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
		r.clock.advance(time.Second)
	}
	require.Equal(t, fleet.CrawlerGone, r.crawler(in.GUID).State)
	require.Contains(t, r.row("acme", "one").Wait.Message, "no room")
	o, err := r.Offerings(r.ctx)
	require.NoError(t, err)
	require.Equal(t, r.clock.now().Add(58*time.Second), o[0].Cooldown.Until, "a repeat does not prolong it")
	require.Nil(t, o[1].Cooldown)
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, fleet.OfferingID("process/b"), d.Starts[0].Offering)
	require.Contains(t, r.kinds("acme", "one"), fleet.DecidedCooldown)
}

func failureOfOursCoolsNothing(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	f, err := r.Failed(r.ctx, fleet.LaunchFailure{
		GUID: in.GUID, Class: fleet.ClassAmbiguous, Reason: "its launch was cut short", Ours: true,
	})
	require.NoError(t, err)
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
	require.Equal(t, fleet.CrawlerGone, r.crawler(in.GUID).State)
	require.Contains(t, r.row("acme", "one").Wait.Message, "cut short")
	o, err := r.Offerings(r.ctx)
	require.NoError(t, err)
	require.Nil(t, o[0].Cooldown)
	next := r.decide("acme").Starts
	require.Len(t, next, 1, "at once, at the same place")
	require.Equal(t, in.Offering, next[0].Offering)
	require.NotEqual(t, in.GUID, next[0].GUID, "its fate is not known, or it has had its life")
	require.NotContains(t, r.kinds("acme", "one"), fleet.DecidedCooldown)
}

func longerCooldownStands(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 1})
	r.route(ticket("acme", "one"))
	r.route(ticket("acme", "two"))
	d := r.decide("acme")
	require.Len(t, d.Starts, 2)
	for i, class := range []fleet.Class{fleet.ClassQuota, fleet.ClassRetryable} {
		_, err := r.Failed(r.ctx, fleet.LaunchFailure{GUID: d.Starts[i].GUID, Class: class, Reason: "?"})
		require.NoError(t, err)
	}
	require.Equal(t, r.clock.now().Add(10*time.Minute), r.decide("acme").Wake)
}

// Two providers may have a region of the same name: one's says nothing of the other's.
func regionsOfTwoProviders(t *testing.T, open Factory) {
	near, far := offering("near", 0), offering("far", 0)
	near.Region, far.Region = "eu-1", "eu-1"
	far.ID, far.Provider, far.Account, far.Price = "nomad/far", "nomad", "cluster", euro(9_000_000)
	sibling := offering("sibling", 0)
	sibling.Region, sibling.Price = "eu-1", euro(8_000_000)
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{near, sibling, far} })
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	require.Equal(t, near.ID, in.Offering, "the cheapest")
	_, err := r.Failed(r.ctx, fleet.LaunchFailure{
		GUID: in.GUID, Class: fleet.ClassCapacity, Scope: fleet.Scoped{Region: "eu-1"}, Reason: "no room in eu-1",
	})
	require.NoError(t, err)
	all, err := r.Offerings(r.ctx)
	require.NoError(t, err)
	for _, o := range all {
		require.Equal(t, o.Provider == "process", o.Cooldown != nil, "%s: %+v", o.ID, o.Cooldown)
	}
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, far.ID, d.Starts[0].Offering)
}

func scopesOfCooldowns(t *testing.T, open Factory) {
	for name, scope := range map[string]fleet.Scoped{
		"offering": {}, "region": {Region: "region-a"}, "account": {Account: "local"},
	} {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		r.route(ticket("acme", "one"))
		in := r.decide("acme").Starts[0]
		_, err := r.Failed(r.ctx, fleet.LaunchFailure{
			GUID: in.GUID, Class: fleet.ClassQuota, Scope: scope, Reason: "quota",
			Error: fleet.Errorf(fleet.CodeQuota, "told to people"),
		})
		require.NoError(t, err)
		require.Contains(t, r.row("acme", "one").Wait.Message, "told to people")
		d := r.decide("acme")
		require.Empty(t, d.Starts, name)
		require.Equal(t, 1, d.Unmet)
		require.Equal(t, r.clock.now().Add(10*time.Minute), d.Wake, name)
		a := r.waits(ticket("acme", "two"), fleet.WaitCooldown)
		require.Equal(t, d.Wake, a.Wait.Until)
		r.clock.advance(10 * time.Minute)
		require.Len(t, r.decide("acme").Starts, 1, name)
	}
}
