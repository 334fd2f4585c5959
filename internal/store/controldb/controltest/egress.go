package controltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// pool is a place of the process provider with so many addresses of its own, those that
// the rig gives to crawlers.
func pool(id string, n int) fleet.Offering {
	o := offering(id, 0)
	for i := range n {
		o.Addresses = append(o.Addresses, fmt.Sprintf("127.0.0.%d", i+2))
	}
	return o
}

func fresh(in *fleet.TicketInput) { in.Place.FreshAddress = true }
func wants(a string) func(*fleet.TicketInput) {
	return func(in *fleet.TicketInput) { in.Place.Address = a }
}

func at(url string) func(*fleet.TicketInput) {
	return func(in *fleet.TicketInput) { in.URLs = []string{url} }
}

// refuse has a host refuse an address so often that it is banned.
func (r *rig) refuse(t fleet.TenantID, g fleet.GUID, host, address string) {
	r.t.Helper()
	require.NoError(r.t, r.Sighted(r.ctx, []fleet.EgressSight{{
		Tenant: t, GUID: g, Host: host, Address: address, Pages: 4, Refused: 3, Why: "status 429", Took: time.Second,
	}}))
}

func testEgress(t *testing.T, open Factory) {
	t.Run("a banned address is not offered for that host until the ban ends, and each is longer", func(t *testing.T) { testBanned(t, open) })
	t.Run("with every address banned the ticket waits for the first ban to end", func(t *testing.T) { testAllBanned(t, open) })
	t.Run("a tenant's bans and uses are its own", func(t *testing.T) { testBansApart(t, open) })
	t.Run("single refusals ban nobody", func(t *testing.T) { testSingleRefusals(t, open) })
	t.Run("a ticket gets an address that was not used at its host", func(t *testing.T) { testFresh(t, open) })
	t.Run("a ticket gets the address that it asks for", func(t *testing.T) { testAsked(t, open) })
	t.Run("an address that changes drains the crawler", func(t *testing.T) { testObserved(t, open) })
	t.Run("a crawler that was faster than its launch is compared with the provider's word", func(t *testing.T) { testFasterThanLaunch(t, open) })
	t.Run("it is pruned, erased and found", func(t *testing.T) { testEgressKept(t, open) })
}

// ample is a plan that is in nobody's way.
func ample() fleet.Plan { return fleet.Plan{MaxCrawlers: 4, SlotsPerCrawler: 2} }

func testBanned(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 3)} })
	r.tenant("acme", ample())
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	r.refuse("acme", l.GUID, "example.com", l.Address)

	rows, err := r.Egress(r.ctx, "acme", 0)
	require.NoError(t, err)
	require.Len(t, rows, 2, "the ticket's hosts")
	require.Equal(t, "example.com", rows[0].Host)
	require.Equal(t, "www.example.com", rows[1].Host)
	require.Zero(t, rows[1].Banned)
	require.Equal(t, l.Address, rows[0].Address)
	require.Equal(t, r.clock.now().Add(10*time.Minute), rows[0].Banned)
	require.Equal(t, "status 429", rows[0].Why)
	require.Contains(t, r.kinds("acme", "one"), fleet.DecidedBan, "its story says so")

	p, err := r.Preview(r.ctx, ticket("acme", "two").Input)
	require.NoError(t, err)
	require.Equal(t, fleet.RouteWait, p.Kind)
	require.Contains(t, candidate(p, l.GUID).Reason, "is banned at example.com")
	require.NotEmpty(t, p.Start)

	other := r.leased(ticket("acme", "elsewhere", at("https://other.example/")))
	require.Equal(t, l.GUID, other.GUID, "another host has not refused it")
	next := r.cold(ticket("acme", "two"))
	require.NotEqual(t, l.Address, next.Address)
	require.NotEqual(t, l.GUID, next.GUID)

	r.refuse("acme", next.GUID, "example.com", next.Address)
	r.waits(ticket("acme", "three"), fleet.WaitConductor)
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, "127.0.0.4", d.Starts[0].Address, "the only one that is not banned there")
}

func testAllBanned(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 1)} })
	r.tenant("acme", ample())
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	r.refuse("acme", l.GUID, "example.com", l.Address)
	until := r.clock.now().Add(10 * time.Minute)
	w := r.waits(ticket("acme", "two"), fleet.WaitCapacity).Wait // no other address is left
	require.Equal(t, until, w.Until)
	require.Contains(t, w.Message, "is banned at example.com until 10:10:00 (status 429)")
	d := r.decide("acme")
	require.Empty(t, d.Starts)
	require.Equal(t, until, d.Wake)

	r.clock.advance(until.Sub(r.clock.now()) + time.Second)
	require.Equal(t, l.GUID, r.leased(ticket("acme", "two")).GUID)
	r.refuse("acme", l.GUID, "example.com", l.Address)
	rows, err := r.Egress(r.ctx, "acme", 0)
	require.NoError(t, err)
	require.Equal(t, r.clock.now().Add(20*time.Minute), rows[0].Banned)
	require.Equal(t, 2, rows[0].Bans)
}

func testBansApart(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 1)} })
	r.tenant("acme", ample())
	r.tenant("other", ample())
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	r.refuse("acme", l.GUID, "example.com", l.Address)
	p, err := r.Preview(r.ctx, ticket("other", "x").Input)
	require.NoError(t, err)
	for _, c := range p.Candidates {
		require.NotContains(t, c.Reason, "banned")
	}
	rows, err := r.Egress(r.ctx, "other", 0)
	require.NoError(t, err)
	require.Empty(t, rows)
}

func testSingleRefusals(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 1)} })
	r.tenant("acme", ample())
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	require.NoError(t, r.Sighted(r.ctx, []fleet.EgressSight{{
		Tenant: "acme", GUID: l.GUID, Host: "example.com", Address: l.Address, Pages: 100, Refused: 3, Why: "status 403",
	}}))
	require.Equal(t, l.GUID, r.leased(ticket("acme", "two")).GUID)
}

func testFasterThanLaunch(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	_, err := r.Launching(r.ctx, in)
	require.NoError(t, err)
	_, err = r.Arrived(r.ctx, in.GUID, r.hello(in)) // from 127.0.0.2
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerServing, r.crawler(in.GUID).State)
	require.NoError(t, r.Launched(r.ctx, in.GUID, fleet.Instance{ProviderID: "1", Address: "127.0.0.2"}))
	require.Equal(t, fleet.CrawlerServing, r.crawler(in.GUID).State)
	require.NoError(t, r.Launched(r.ctx, in.GUID, fleet.Instance{ProviderID: "1", Address: "203.0.113.7"}))
	c := r.crawler(in.GUID)
	require.Equal(t, fleet.CrawlerDraining, c.State)
	require.Equal(t, "egress mismatch: declared 203.0.113.7, seen from 127.0.0.2", c.Reason)
}

func candidate(p fleet.Preview, g fleet.GUID) fleet.Candidate {
	for _, c := range p.Candidates {
		if c.GUID == g {
			return c
		}
	}
	return fleet.Candidate{}
}

func testFresh(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 2)} })
	r.tenant("acme", ample())
	first := r.cold(ticket("acme", "one"))
	second := r.cold(ticket("acme", "two", fresh))
	require.NotEqual(t, first.Address, second.Address)
	require.Equal(t, second.Address, r.crawler(second.GUID).Address)

	// Of both addresses one has been used by each: there is none left.
	_, err := r.Route(r.ctx, ticket("acme", "three", fresh))
	e := refused(t, err, fleet.CodeInvalid, "place.freshAddress")
	require.Contains(t, e.Message, "has been used at example.com")
	again := r.leased(ticket("acme", "other-host", at("https://other.example/"), fresh))
	require.Contains(t, []string{first.Address, second.Address}, again.Address)

	r.record(second)
	r.record(first)
	r.clock.advance(31 * 24 * time.Hour) // it is forgotten
	require.Equal(t, fleet.RouteLeased, r.route(ticket("acme", "four", fresh)).Kind)
}

func testAsked(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{pool("a", 3)} })
	r.tenant("acme", fleet.Plan{MaxCrawlers: 4, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "one", wants("127.0.0.3")))
	require.Equal(t, "127.0.0.3", l.Address)
	r.waits(ticket("acme", "two", wants("127.0.0.3")), fleet.WaitAddress)
	r.decide("acme")
	r.waits(ticket("acme", "two", wants("127.0.0.3")), fleet.WaitAddress)
	_, err := r.Route(r.ctx, ticket("acme", "nowhere", wants("203.0.113.9")))
	e := refused(t, err, fleet.CodeInvalid, "place.address")
	require.Contains(t, e.Message, "no place has the address 203.0.113.9")
	a := r.record(l)
	require.Len(t, a.Follow.Grants, 1)
	require.Equal(t, fleet.TicketID("two"), a.Follow.Grants[0].Ticket, "the slot goes on to it")
}

func testObserved(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, func(c *Config) {
		c.Offerings = []fleet.Offering{pool("a", 2), offering("b", 0)}
		c.Offerings[1].Price = euro(9_000_000)
	})
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one", at("https://a.example/")))
	require.NoError(t, r.Observed(r.ctx, l.GUID, l.Address))
	require.NoError(t, r.Observed(r.ctx, "00000000-0000-4000-8000-00000000dead", "127.0.0.1"))
	require.Equal(t, fleet.CrawlerServing, r.crawler(l.GUID).State)

	require.NoError(t, r.Observed(r.ctx, l.GUID, "198.51.100.9"))
	c := r.crawler(l.GUID)
	require.Equal(t, fleet.CrawlerDraining, c.State)
	require.Equal(t, fmt.Sprintf("egress mismatch: declared %s, seen from 198.51.100.9", l.Address), c.Reason)
	overlooked, err := r.Overlooked(r.ctx, 0)
	require.NoError(t, err)
	require.Equal(t, []fleet.TenantID{"acme"}, overlooked, "whoever is to tell its workflow")
	d := r.decide("acme")
	require.Len(t, d.Follow.Drains, 1)
	require.Equal(t, l.GUID, d.Follow.Drains[0].GUID)
	require.Contains(t, r.kinds("acme", "one"), fleet.DecidedCooldown)
	o, err := r.Offerings(r.ctx)
	require.NoError(t, err)
	require.NotNil(t, o[0].Cooldown, "its place cools down")
	require.NoError(t, r.Observed(r.ctx, l.GUID, "198.51.100.9"), "once more changes nothing")
}

func testEgressKept(t *testing.T, open Factory) {
	t.Parallel()
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.refuse("acme", l.GUID, "example.com", l.Address)
	r.refuse("gone", l.GUID, "example.com", l.Address)
	found, err := r.Traces(r.ctx, "gone")
	require.NoError(t, err)
	require.Empty(t, found, "nothing is remembered of a tenant that is not there")
	found, err = r.Traces(r.ctx, "acme")
	require.NoError(t, err)
	require.EqualValues(t, 2, found["egress"], "with www. and without")
	g, err := r.Gauges(r.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, g.Banned)

	r.clock.advance(29 * 24 * time.Hour)
	removed, err := r.Prune(r.ctx, 100)
	require.NoError(t, err)
	require.Zero(t, removed["egress"])
	r.clock.advance(48 * time.Hour)
	removed, err = r.Prune(r.ctx, 100)
	require.NoError(t, err)
	require.EqualValues(t, 2, removed["egress"])

	r.refuse("acme", l.GUID, "example.com", l.Address)
	gone, err := r.EraseTenant(r.ctx, "acme")
	require.NoError(t, err)
	require.EqualValues(t, 1, gone["egress"])
}
