package controltest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testRoute(t *testing.T, open Factory) {
	t.Run("UnknownTenant", func(t *testing.T) {
		r := newRig(t, open, nil)
		_, err := r.Route(r.ctx, ticket("nobody", "one"))
		refused(t, err, fleet.CodeNotFound, "tenant")
	})

	t.Run("TenantThatIsNotReady", func(t *testing.T) {
		r := newRig(t, open, nil)
		_, err := r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: "acme"})
		require.NoError(t, err)
		a := r.waits(ticket("acme", "early"), fleet.WaitTenant)
		require.False(t, a.Tell, "the tenant's getting ready tells")
		f, err := r.SetTenant(r.ctx, "acme", fleet.TenantReady, "")
		require.NoError(t, err)
		require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
		for _, s := range []fleet.TenantState{fleet.TenantDeleting, fleet.TenantDeleted, fleet.TenantFailed} {
			_, err = r.SetTenant(r.ctx, "acme", s, "why")
			require.NoError(t, err)
			_, err = r.Route(r.ctx, ticket("acme", "late"))
			refused(t, err, fleet.CodeTenantNotReady, "")
			_, err = r.Ticket(r.ctx, "acme", "late")
			refused(t, err, fleet.CodeNotFound, "id")
		}
	})

	t.Run("PrivateAddress", func(t *testing.T) {
		r := newRig(t, open, func(c *Config) {
			c.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		r.tenant("acme", fleet.Plan{})
		at := func(url string) func(*fleet.TicketInput) {
			return func(in *fleet.TicketInput) { in.URLs = []string{url} }
		}
		_, err := r.Route(r.ctx, ticket("acme", "router", at("http://192.168.1.1/")))
		refused(t, err, fleet.CodeForbidden, "urls[0]")
		r.waits(ticket("acme", "local", at("http://127.0.0.1:8080/")), fleet.WaitConductor)
	})

	t.Run("FirstTicketWaitsForTheConductor", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		a := r.waits(ticket("acme", "one"), fleet.WaitConductor)
		require.True(t, a.Tell)
		require.True(t, a.Cold)
		require.Equal(t, a, r.route(ticket("acme", "one")), "a repeat answers the same")
		require.NoError(t, r.Told(r.ctx, "acme", a.Seq))
		require.False(t, r.route(ticket("acme", "two")).Tell, "it has been told")

		r.decide("acme")
		require.NoError(t, r.Told(r.ctx, "acme", a.Seq), "of a round that is over")
		for _, id := range []fleet.TicketID{"three", "four", "five"} {
			a = r.route(ticket("acme", id))
		}
		require.True(t, a.Tell, "a new round has to be told anew")
		require.False(t, a.Cold, "a crawler is reserved")
		require.NoError(t, r.Told(r.ctx, "acme", a.Seq))
		require.NoError(t, r.Told(r.ctx, "acme", a.Seq-1), "late, of an older round")
		require.False(t, r.route(ticket("acme", "five")).Tell)
		require.Equal(t, []fleet.DecisionKind{fleet.DecidedAccept, fleet.DecidedWait}, r.kinds("acme", "five"))
	})

	t.Run("WarmTicketIsLeased", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		first := r.cold(ticket("acme", "one"))
		require.False(t, first.Warm)
		r.clock.advance(time.Second)
		l := r.leased(ticket("acme", "two"))
		require.Equal(t, first.GUID, l.GUID)
		require.True(t, l.Warm)
		require.Equal(t, r.clock.now(), l.TakenAt)
		require.Equal(t, "127.0.0.2", l.Address)
		require.Equal(t, l, r.leased(ticket("acme", "two")), "a repeat has the same lease")
		require.Equal(t, 2, r.crawler(l.GUID).Leased)

		row := r.row("acme", "two")
		require.Equal(t, fleet.TicketRunning, row.State)
		require.Equal(t, &l, row.Lease)
		require.Nil(t, row.Wait)
		require.Empty(t, row.Input.Scope.Hosts, "as it was given")
		require.Zero(t, row.Input.Scope.MaxPages)
		require.Equal(t, []fleet.DecisionKind{
			fleet.DecidedLaunch, fleet.DecidedServe, fleet.DecidedAccept,
			fleet.DecidedRoute,
		}, r.kinds("acme", "two"))
	})

	t.Run("LeastLoadedCrawler", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{SlotsPerCrawler: 2, MaxCrawlers: 2})
		a := r.cold(ticket("acme", "one"))
		r.leased(ticket("acme", "two"))
		b := r.cold(ticket("acme", "three"))
		require.NotEqual(t, a.GUID, b.GUID)
		r.record(a)
		r.record(b)
		require.Equal(t, b.GUID, r.leased(ticket("acme", "four")).GUID, "two is still on the other one")
		r.leased(ticket("acme", "five"))
		require.Equal(t, 2, r.crawler(a.GUID).Leased)
		r.leased(ticket("acme", "more"))
		r.waits(ticket("acme", "six"), fleet.WaitSlot)
	})

	t.Run("EffectiveSpecification", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxPages: 50})
		set := func(in *fleet.TicketInput) {
			in.URLs = []string{"http://A.example:80/x", "https://b.example:8443/", "http://a.example/y"}
			in.Scope.MaxPages = 1000
			in.Deadline = "10m"
		}
		deadline := r.clock.now().Add(10 * time.Minute)
		lease := r.cold(ticket("acme", "one", set))
		a := r.route(ticket("acme", "one", set))
		require.Equal(t, deadline, a.Deadline)
		given := r.row("acme", "one").Input
		require.Empty(t, given.Scope.Hosts, "readers get what was given: a retry sends it again")
		require.EqualValues(t, 1000, given.Scope.MaxPages)
		in, err := r.Claimable(r.ctx, "acme", "one", lease.GUID, a.Lease.Epoch)
		require.NoError(t, err)
		require.Equal(t, []string{"a.example", "b.example:8443"}, in.Scope.Hosts)
		require.EqualValues(t, 50, in.Scope.MaxPages)
		require.Equal(t, a.Kind, r.route(ticket("acme", "one", set)).Kind, "the hash is that of the input")
	})

	t.Run("SameIDOtherContent", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		r.route(ticket("acme", "one", inSession("s", fleet.LossFail)))
		for field, change := range map[string]func(*fleet.TicketInput){
			"urls":           func(in *fleet.TicketInput) { in.URLs = []string{"https://other.example/"} },
			"labels":         func(in *fleet.TicketInput) { in.Labels = map[string]string{"a": "b"} },
			"scope.hosts":    func(in *fleet.TicketInput) { in.Scope.Hosts = []string{"example.com"} },
			"scope.maxDepth": func(in *fleet.TicketInput) { d := 3; in.Scope.MaxDepth = &d },
			"scope.maxPages": func(in *fleet.TicketInput) { in.Scope.MaxPages = fleet.DefaultMaxPages },
			"fetch.delay":    func(in *fleet.TicketInput) { d := fleet.Duration(0); in.Fetch.Delay = &d },
			"extract":        func(in *fleet.TicketInput) { in.Extract = map[string]fleet.Field{"a": {CSS: "b"}} },
			"session.key":    func(in *fleet.TicketInput) { in.Session = &fleet.Session{Key: "z", OnLoss: "fail"} },
			"session.onLoss": func(in *fleet.TicketInput) { in.Session = &fleet.Session{Key: "s"} },
			"session":        func(in *fleet.TicketInput) { in.Session = nil },
			"place":          func(in *fleet.TicketInput) { in.Place.Regions = []string{"region-a"} },
			"priority":       func(in *fleet.TicketInput) { in.Priority = 1 },
			"deadline":       func(in *fleet.TicketInput) { in.Deadline = "1h" },
		} {
			_, err := r.Route(r.ctx, ticket("acme", "one", inSession("s", fleet.LossFail), change))
			refused(t, err, fleet.CodeConflict, field)
		}
	})

	t.Run("SameIDOtherWorkflow", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		r.route(ticket("acme", "one"))
		other := ticket("acme", "one")
		other.WorkflowID = "my-own"
		_, err := r.Route(r.ctx, other)
		e := refused(t, err, fleet.CodeConflict, "id")
		require.Contains(t, e.Message, "ticket/acme/one")
	})

	t.Run("EndedTicketAnswersItsResult", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		l := r.cold(ticket("acme", "one"))
		want := r.record(l).Result
		other := ticket("acme", "one")
		other.WorkflowID, other.Input.Attempt = "my-own", 5
		a := r.route(other)
		require.Equal(t, fleet.RouteFinished, a.Kind)
		require.Equal(t, want, *a.Result)
		require.Equal(t, fleet.TicketID("one"), a.Ticket)
	})

	t.Run("AnotherAttemptReopens", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		req := ticket("acme", "one")
		l := r.cold(req)
		failed := done(l)
		failed.Outcome = fleet.OutcomeFailed
		_, err := r.Record(r.ctx, failed)
		require.NoError(t, err)
		require.Equal(t, fleet.RouteFinished, r.route(req).Kind)

		req.Input.Attempt, req.RunID = 2, "run-2"
		a := r.route(req)
		require.Equal(t, fleet.RouteFence, a.Kind)
		require.True(t, a.Reopen)
		require.Greater(t, a.Epoch, l.Epoch)
		require.Equal(t, a, r.route(req), "a repeat asks for the same")
		req.Fenced = a.Epoch
		again := r.leased(req)
		require.Equal(t, a.Epoch, again.Epoch)
		require.Equal(t, 2, r.record(again).Result.Attempt)
		require.Equal(t, 2, r.row("acme", "one").Input.Attempt, "the next retry counts from here")
	})

	t.Run("NoOfferingFits", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		_, err := r.Route(r.ctx, ticket("acme", "one", func(in *fleet.TicketInput) {
			in.Place.Countries = []string{"ZZ"}
		}))
		refused(t, err, fleet.CodeInvalid, "place")
		r.waits(ticket("acme", "one"), fleet.WaitConductor) // the id is still free
	})

	t.Run("PlanSlots", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxSlots: 1})
		l := r.cold(ticket("acme", "one"))
		a := r.waits(ticket("acme", "two"), fleet.WaitSlots)
		require.False(t, a.Tell, "the conductor could do nothing")
		f := r.record(l).Follow
		require.Len(t, f.Grants, 1)
		require.Equal(t, fleet.TicketID("two"), f.Grants[0].Ticket)
	})
}

func testFence(t *testing.T, open Factory) {
	begin := func(t *testing.T) (*rig, fleet.RouteRequest, fleet.Lease) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
		req := ticket("acme", "one")
		return r, req, r.cold(req)
	}

	t.Run("AnotherRunRaisesTheFenceFirst", func(t *testing.T) {
		r, req, l := begin(t)
		req.RunID = "run-2"
		a := r.route(req)
		require.Equal(t, fleet.RouteFence, a.Kind)
		require.Greater(t, a.Epoch, l.Epoch)
		require.False(t, a.Reopen)
		require.Equal(t, 1, r.crawler(l.GUID).Leased, "the old crawl still has its slot")
		require.Equal(t, a, r.route(req))
		req.Fenced = a.Epoch
		next := r.leased(req)
		require.Equal(t, a.Epoch, next.Epoch)
		require.Equal(t, l.GUID, next.GUID, "nothing was wrong with the crawler")
		require.Equal(t, next, r.leased(req))
		require.Equal(t, 1, r.crawler(l.GUID).Leased)
	})

	t.Run("EpochsRiseThoughTheClockIsSetBack", func(t *testing.T) {
		r, req, l := begin(t)
		r.clock.advance(-time.Hour)
		req.Lost, req.Why = l.Epoch, fleet.CodeTimeout
		a := r.route(req)
		require.Equal(t, l.Epoch+1, a.Epoch)
	})

	t.Run("LostCrawlerIsNotTakenAgain", func(t *testing.T) {
		for _, why := range []fleet.Code{fleet.CodeCrawlerLost, fleet.CodeDraining} {
			r, req, l := begin(t)
			req.Lost, req.Why = l.Epoch, why
			req.Fenced = r.route(req).Epoch
			r.waits(req, fleet.WaitConductor)
			require.Equal(t, 0, r.crawler(l.GUID).Leased)
			r.waits(req, fleet.WaitConductor) // by the timer: it is still remembered
			d := r.decide("acme")
			require.Empty(t, d.Follow.Grants)
			require.Len(t, d.Starts, 1)
		}
	})

	t.Run("AfterATimeoutTheSameCrawlerOnlyWithoutAnother", func(t *testing.T) {
		r, req, l := begin(t)
		req.Lost, req.Why = l.Epoch, fleet.CodeTimeout
		req.Fenced = r.route(req).Epoch
		again := r.leased(req)
		require.Equal(t, l.GUID, again.GUID)

		other := r.cold(ticket("acme", "two"))
		r.record(other)
		req.Lost = again.Epoch
		req.Fenced = r.route(req).Epoch
		moved := r.leased(req)
		require.Equal(t, other.GUID, moved.GUID)
		require.Greater(t, moved.Epoch, again.Epoch)
		require.Contains(t, r.kinds("acme", "one"), fleet.DecidedMove)
	})

	t.Run("GrantNeedsNoNewFence", func(t *testing.T) {
		r, req, l := begin(t)
		two := r.cold(ticket("acme", "two"))
		req.Lost, req.Why = l.Epoch, fleet.CodeCrawlerLost
		fence := r.route(req)
		req.Fenced = fence.Epoch
		r.waits(req, fleet.WaitSlot)
		f := r.record(two).Follow
		require.Len(t, f.Grants, 1)
		require.GreaterOrEqual(t, f.Grants[0].Epoch, fence.Epoch)
		req.Fenced = 0 // the workflow remembers nothing of it
		moved := r.leased(req)
		require.Equal(t, two.GUID, moved.GUID)
		require.Equal(t, f.Grants[0].Epoch, moved.Epoch)
	})
}
