package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testCrawler(t *testing.T, open Factory) {
	reserved := func(t *testing.T, change func(*Config)) (*rig, fleet.CrawlerInput) {
		r := newRig(t, open, change)
		r.tenant("acme", fleet.Plan{SlotsPerCrawler: 2})
		r.route(ticket("acme", "one"))
		d := r.decide("acme")
		require.Len(t, d.Starts, 1)
		return r, d.Starts[0]
	}
	idle := func(t *testing.T) (*rig, fleet.GUID) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		l := r.cold(ticket("acme", "one"))
		r.record(l)
		return r, l.GUID
	}

	t.Run("FromReservedToServing", func(t *testing.T) {
		r, in := reserved(t, nil)
		require.Equal(t, fleet.CrawlerInput{
			Tenant: "acme", GUID: in.GUID, Offering: "process/a", Provider: "process", Account: "local",
			Slots: 2, IdleAfter: fleet.Duration(time.Minute), Grain: fleet.GrainSecond,
		}, in)
		for range 2 {
			row, err := r.Launching(r.ctx, in)
			require.NoError(t, err)
			require.Equal(t, fleet.CrawlerStarting, row.State)
		}
		r.clock.advance(time.Second)
		launched := r.clock.now()
		for range 2 {
			require.NoError(t, r.Launched(r.ctx, in.GUID, fleet.Instance{ProviderID: "4711", Address: "127.0.0.9"}))
			r.clock.advance(time.Second)
		}
		h := fleet.Hello{Contract: 1, Address: "127.0.0.9", Slots: 2, MainAt: launched, DialedAt: r.clock.now()}
		f, err := r.Serving(r.ctx, in.GUID, h)
		require.NoError(t, err)
		require.Len(t, f.Grants, 1)
		again, err := r.Serving(r.ctx, in.GUID, h)
		require.NoError(t, err)
		require.Equal(t, f, again)
		c := r.crawler(in.GUID)
		require.Equal(t, fleet.CrawlerServing, c.State)
		require.Equal(t, launched, c.Times.Launched)
		require.Equal(t, launched, c.Times.Main)
		require.Equal(t, r.clock.now(), c.Times.Serving)
		require.Equal(t, "region-a", c.Region)
		require.Equal(t, 1, c.Leased)
	})

	t.Run("UnknownCrawler", func(t *testing.T) {
		r := newRig(t, open, nil)
		in := fleet.CrawlerInput{Tenant: "acme", GUID: "00000000-0000-4000-8000-999999999999"}
		_, err := r.Launching(r.ctx, in)
		refused(t, err, fleet.CodeNotFound, "guid")
		_, err = r.Serving(r.ctx, in.GUID, fleet.Hello{Contract: 1})
		refused(t, err, fleet.CodeNotFound, "guid")
	})

	t.Run("AnotherContractGetsNoTicket", func(t *testing.T) {
		r, in := reserved(t, nil)
		h := r.hello(in)
		h.Contract = fleet.ContractVersion + 1
		_, err := r.Serving(r.ctx, in.GUID, h)
		refused(t, err, fleet.CodeContract, "contract")
		require.Equal(t, fleet.CrawlerReserved, r.crawler(in.GUID).State)
	})

	t.Run("AnotherAddressGetsNoTicket", func(t *testing.T) {
		r, in := reserved(t, func(c *Config) { c.Offerings[0].Addresses = []string{"127.0.0.7", "127.0.0.8"} })
		h := r.hello(in)
		h.Address = "127.0.0.99"
		_, err := r.Serving(r.ctx, in.GUID, h)
		refused(t, err, fleet.CodeConflict, "address")
		require.NoError(t, r.Launched(r.ctx, in.GUID, fleet.Instance{Address: "127.0.0.7"}))
		h.Address = "127.0.0.8" // one of the place, but not the declared one
		_, err = r.Serving(r.ctx, in.GUID, h)
		refused(t, err, fleet.CodeConflict, "address")
		h.Address = "127.0.0.7"
		_, err = r.Serving(r.ctx, in.GUID, h)
		require.NoError(t, err)
	})

	t.Run("FewerSlotsThanAskedFor", func(t *testing.T) {
		r, in := reserved(t, nil)
		h := r.hello(in)
		h.Slots = 1
		_, err := r.Serving(r.ctx, in.GUID, h)
		require.NoError(t, err)
		r.waits(ticket("acme", "two"), fleet.WaitConductor)
	})

	t.Run("RetiresWhenIdleLongEnough", func(t *testing.T) {
		r, g := idle(t)
		r.clock.advance(20 * time.Second)
		a, err := r.Retire(r.ctx, g)
		require.NoError(t, err)
		require.False(t, a.Done)
		require.Equal(t, fleet.Duration(40*time.Second), a.Left)
		r.clock.advance(40 * time.Second)
		for range 2 {
			a, err = r.Retire(r.ctx, g)
			require.NoError(t, err)
			require.True(t, a.Done)
		}
		require.Equal(t, fleet.CrawlerRetired, r.crawler(g).State)
		r.waits(ticket("acme", "two"), fleet.WaitConductor)
		_, err = r.Serving(r.ctx, g, fleet.Hello{Contract: 1, Address: "127.0.0.2"})
		require.NoError(t, err, "its hello was taken before")
		require.Equal(t, fleet.CrawlerRetired, r.crawler(g).State)
	})

	t.Run("ClockThatWasSetBackKeepsNobodyIdleForLonger", func(t *testing.T) {
		r, g := idle(t)
		r.clock.advance(-time.Hour)
		a, err := r.Retire(r.ctx, g)
		require.NoError(t, err)
		require.False(t, a.Done)
		require.Equal(t, fleet.Duration(time.Minute), a.Left)
		r.clock.advance(time.Minute)
		a, err = r.Retire(r.ctx, g)
		require.NoError(t, err)
		require.True(t, a.Done)
	})

	t.Run("BusyCrawlerIsNotRetired", func(t *testing.T) {
		r, g := idle(t)
		r.clock.advance(time.Hour)
		l := r.leased(ticket("acme", "two"))
		require.Equal(t, g, l.GUID)
		a, err := r.Retire(r.ctx, g)
		require.NoError(t, err)
		require.False(t, a.Done)
		require.Equal(t, fleet.Duration(time.Minute), a.Left)
		require.Equal(t, 1, a.Leases)
	})

	t.Run("DrainLetsLeasesRunOut", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		l := r.cold(ticket("acme", "one"))
		a, err := r.Drain(r.ctx, l.GUID, "asked")
		require.NoError(t, err)
		require.False(t, a.Done)
		require.Equal(t, 1, a.Leases)
		r.waits(ticket("acme", "two"), fleet.WaitConductor)
		a, err = r.Drain(r.ctx, l.GUID, "asked again")
		require.NoError(t, err)
		require.Equal(t, []fleet.TenantID{"acme"}, a.Follow.Conductors)
		require.Equal(t, "asked", r.crawler(l.GUID).Reason)
		require.Empty(t, r.record(l).Follow.Grants)
		b, err := r.Retire(r.ctx, l.GUID)
		require.NoError(t, err)
		require.True(t, b.Done, "no idle time for a drained one")
		a, err = r.Drain(r.ctx, l.GUID, "late")
		require.NoError(t, err)
		require.True(t, a.Done)
	})

	t.Run("DrainedBeforeItServes", func(t *testing.T) {
		r, in := reserved(t, nil)
		_, err := r.Launching(r.ctx, in)
		require.NoError(t, err)
		a, err := r.Drain(r.ctx, in.GUID, "asked")
		require.NoError(t, err)
		require.True(t, a.Done)
		_, err = r.Serving(r.ctx, in.GUID, r.hello(in))
		refused(t, err, fleet.CodeConflict, "state")
		row, err := r.Launching(r.ctx, in)
		require.NoError(t, err)
		require.Equal(t, fleet.CrawlerRetired, row.State)
	})
}

func testLoss(t *testing.T, open Factory) {
	t.Run("BuryFreesTheLeases", func(t *testing.T) {
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
	})

	t.Run("BuriedAndGrantedAtOnceIsFencedFirst", func(t *testing.T) {
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
	})

	t.Run("BuryOfAClosingTicketLeavesItsEnd", func(t *testing.T) {
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
	})

	t.Run("FailedLaunchCoolsAndFailsOver", func(t *testing.T) {
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
	})

	t.Run("LongerCooldownStands", func(t *testing.T) {
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
	})

	t.Run("ScopesOfCooldowns", func(t *testing.T) {
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
	})
}
