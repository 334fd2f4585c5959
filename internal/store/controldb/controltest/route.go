package controltest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testRoute(t *testing.T, open Factory) {
	each(t, open, []part{
		{"UnknownTenant", routeUnknownTenant},
		{"TenantThatIsNotReady", tenantThatIsNotReady},
		{"PrivateAddress", privateAddress},
		{"PortsAreNarrowedOnly", ports},
		{"RobotsAreIgnoredByRightOnly", robotsIgnored},
		{"FirstTicketWaitsForTheConductor", firstTicketWaitsForTheConductor},
		{"WarmTicketIsLeased", warmTicketIsLeased},
		{"LeastLoadedCrawler", leastLoadedCrawler},
		{"EffectiveSpecification", effectiveSpecification},
		{"SameIDOtherContent", sameIDOtherContent},
		{"SameIDOtherWorkflow", sameIDOtherWorkflow},
		{"EndedTicketAnswersItsResult", endedTicketAnswersItsResult},
		{"AnotherAttemptReopens", anotherAttemptReopens},
		{"NoOfferingFits", noOfferingFits},
		{"PlanSlots", planSlots},
	})
}

func routeUnknownTenant(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	_, err := r.Route(r.ctx, ticket("nobody", "one"))
	refused(t, err, fleet.CodeNotFound, "tenant")
}

func tenantThatIsNotReady(t *testing.T, open Factory) {
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
}

func privateAddress(t *testing.T, open Factory) {
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
}

func ports(t *testing.T, open Factory) {
	at := func(url string, ports ...int) func(*fleet.TicketInput) {
		return func(in *fleet.TicketInput) { in.URLs, in.Fetch.Ports = []string{url}, ports }
	}
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	_, err := r.Route(r.ctx, ticket("acme", "mail", at("http://a.test:25/", 443, 25)))
	refused(t, err, fleet.CodeForbidden, "fetch.ports[1]")
	_, err = r.Preview(r.ctx, ticket("acme", "mail", at("http://a.test:25/", 443, 25)).Input)
	refused(t, err, fleet.CodeForbidden, "fetch.ports[1]")
	r.waits(ticket("acme", "web", at("http://a.test:8080/", 443, 8080)), fleet.WaitConductor)

	r = newRig(t, open, func(c *Config) {
		c.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	r.tenant("acme", fleet.Plan{})
	r.waits(ticket("acme", "local", at("http://127.0.0.1:3000/", 3000)), fleet.WaitConductor)

	r = newRig(t, open, func(c *Config) { c.AllowPorts = []int{9000} })
	r.tenant("acme", fleet.Plan{})
	_, err = r.Route(r.ctx, ticket("acme", "other", at("http://a.test:9001/", 9000, 9001)))
	refused(t, err, fleet.CodeForbidden, "fetch.ports[1]")
	r.waits(ticket("acme", "allowed", at("http://a.test:9000/", 443, 9000)), fleet.WaitConductor)
}

func robotsIgnored(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.IgnoreRobots = []fleet.TenantID{"acme"} })
	r.tenant("acme", fleet.Plan{})
	r.tenant("other", fleet.Plan{})
	ignoring := func(in *fleet.TicketInput) { in.Fetch.Robots = fleet.RobotsIgnore }
	_, err := r.Route(r.ctx, ticket("other", "one", ignoring))
	refused(t, err, fleet.CodeForbidden, "fetch.robots")
	_, err = r.Preview(r.ctx, ticket("other", "one", ignoring).Input)
	refused(t, err, fleet.CodeForbidden, "fetch.robots")
	request := ticket("acme", "one", ignoring)
	r.waits(request, fleet.WaitConductor)
	r.waits(request, fleet.WaitConductor)
	trail, err := r.AuditTrail(r.ctx, fleet.AuditFilter{})
	require.NoError(t, err)
	var told []string
	for _, a := range trail {
		if a.Action == "robots ignore" {
			told = append(told, string(a.Tenant)+" "+a.Detail)
		}
	}
	require.Equal(t, []string{"acme ticket one"}, told, "once")
}

func firstTicketWaitsForTheConductor(t *testing.T, open Factory) {
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
}

func warmTicketIsLeased(t *testing.T, open Factory) {
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
}

func leastLoadedCrawler(t *testing.T, open Factory) {
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
}

func effectiveSpecification(t *testing.T, open Factory) {
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
	require.Equal(t, []string{"a.example", "b.example:8443", "www.a.example", "www.b.example:8443"}, in.Scope.Hosts)
	require.EqualValues(t, 50, in.Scope.MaxPages)
	require.Equal(t, a.Kind, r.route(ticket("acme", "one", set)).Kind, "the hash is that of the input")

	part := func(in *fleet.TicketInput) { in.Scope.Prefixes = []string{"https://example.com/docs/"} }
	l := r.leased(ticket("acme", "part", part))
	in, err = r.Claimable(r.ctx, "acme", "part", l.GUID, l.Epoch)
	require.NoError(t, err)
	require.Empty(t, in.Scope.Hosts, "a part of a host is not all of it")
}

func sameIDOtherContent(t *testing.T, open Factory) {
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
}

func sameIDOtherWorkflow(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	other := ticket("acme", "one")
	other.WorkflowID = "my-own"
	_, err := r.Route(r.ctx, other)
	e := refused(t, err, fleet.CodeConflict, "id")
	require.Contains(t, e.Message, "ticket/acme/one")
}

func endedTicketAnswersItsResult(t *testing.T, open Factory) {
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
}

func anotherAttemptReopens(t *testing.T, open Factory) {
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
}

func noOfferingFits(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	_, err := r.Route(r.ctx, ticket("acme", "one", func(in *fleet.TicketInput) {
		in.Place.Countries = []string{"ZZ"}
	}))
	refused(t, err, fleet.CodeInvalid, "place")
	r.waits(ticket("acme", "one"), fleet.WaitConductor) // the id is still free
}

func planSlots(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxSlots: 1})
	l := r.cold(ticket("acme", "one"))
	a := r.waits(ticket("acme", "two"), fleet.WaitSlots)
	require.False(t, a.Tell, "the conductor could do nothing")
	f := r.record(l).Follow
	require.Len(t, f.Grants, 1)
	require.Equal(t, fleet.TicketID("two"), f.Grants[0].Ticket)
}
