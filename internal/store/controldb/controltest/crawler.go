package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testCrawler(t *testing.T, open Factory) {
	each(t, open, []part{
		{"FromReservedToServing", fromReservedToServing},
		{"ArrivesBeforeItsHello", arrivesBeforeItsHello},
		{"ArrivesAndIsLostBeforeItsHello", arrivesAndIsLostBeforeItsHello},
		{"UnknownCrawler", unknownCrawler},
		{"AnotherContractGetsNoTicket", anotherContractGetsNoTicket},
		{"AnotherAddressGetsNoTicket", anotherAddressGetsNoTicket},
		{"FewerSlotsThanAskedFor", fewerSlotsThanAskedFor},
		{"RetiresWhenIdleLongEnough", retiresWhenIdleLongEnough},
		{"ClockThatWasSetBackKeepsNobodyIdleForLonger", clockThatWasSetBackKeepsNobodyIdleForLonger},
		{"BusyCrawlerIsNotRetired", busyCrawlerIsNotRetired},
		{"DrainLetsLeasesRunOut", drainLetsLeasesRunOut},
		{"DrainedBeforeItServes", drainedBeforeItServes},
	})
}

func fromReservedToServing(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
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
}

func arrivesBeforeItsHello(t *testing.T, open Factory) {
	r, in := reserved(t, open, func(c *Config) { c.Offerings[0].Addresses = []string{"127.0.0.7"} })
	h := r.hello(in)
	h.Address = "127.0.0.7"
	f, err := r.Arrived(r.ctx, in.GUID, h)
	require.NoError(t, err)
	require.Empty(t, f.Grants, "its workflow is not known to run")
	require.Equal(t, fleet.CrawlerReserved, r.crawler(in.GUID).State)
	_, err = r.Launching(r.ctx, in)
	require.NoError(t, err)
	elsewhere := h
	elsewhere.Address = "127.0.0.9"
	_, err = r.Arrived(r.ctx, in.GUID, elsewhere)
	refused(t, err, fleet.CodeConflict, "address")
	f, err = r.Arrived(r.ctx, in.GUID, h)
	require.NoError(t, err)
	require.Len(t, f.Grants, 1)
	require.Equal(t, fleet.CrawlerServing, r.crawler(in.GUID).State)
	since := r.crawler(in.GUID).Times.Serving
	r.clock.advance(time.Second)
	again, err := r.Serving(r.ctx, in.GUID, h)
	require.NoError(t, err)
	require.Equal(t, f.Grants, again.Grants, "told again")
	require.Equal(t, since, r.crawler(in.GUID).Times.Serving)
	require.Equal(t, 1, r.crawler(in.GUID).Leased)
}

func arrivesAndIsLostBeforeItsHello(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	_, err := r.Launching(r.ctx, in)
	require.NoError(t, err)
	_, err = r.Arrived(r.ctx, in.GUID, r.hello(in))
	require.NoError(t, err)
	l := r.leased(ticket("acme", "one"))
	for range 2 {
		_, err = r.Failed(r.ctx, fleet.LaunchFailure{GUID: in.GUID, Class: fleet.ClassRetryable, Reason: "killed"})
		require.NoError(t, err)
		a, err := r.Bury(r.ctx, in.GUID, "killed")
		require.NoError(t, err)
		require.Len(t, a.Leases, 1, "its Crawl has to be failed")
		require.Equal(t, l.Epoch, a.Leases[0].Epoch)
	}
	_, err = r.Arrived(r.ctx, in.GUID, r.hello(in))
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerGone, r.crawler(in.GUID).State)
}

func unknownCrawler(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	in := fleet.CrawlerInput{Tenant: "acme", GUID: "00000000-0000-4000-8000-999999999999"}
	_, err := r.Launching(r.ctx, in)
	refused(t, err, fleet.CodeNotFound, "guid")
	_, err = r.Serving(r.ctx, in.GUID, fleet.Hello{Contract: 1})
	refused(t, err, fleet.CodeNotFound, "guid")
}

func anotherContractGetsNoTicket(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	h := r.hello(in)
	h.Contract = fleet.ContractVersion + 1
	_, err := r.Serving(r.ctx, in.GUID, h)
	refused(t, err, fleet.CodeContract, "contract")
	require.Equal(t, fleet.CrawlerReserved, r.crawler(in.GUID).State)
}

func anotherAddressGetsNoTicket(t *testing.T, open Factory) {
	r, in := reserved(t, open, func(c *Config) { c.Offerings[0].Addresses = []string{"127.0.0.7", "127.0.0.8"} })
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
}

func fewerSlotsThanAskedFor(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	h := r.hello(in)
	h.Slots = 1
	_, err := r.Serving(r.ctx, in.GUID, h)
	require.NoError(t, err)
	r.waits(ticket("acme", "two"), fleet.WaitConductor)
}

func retiresWhenIdleLongEnough(t *testing.T, open Factory) {
	r, g := idle(t, open)
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
}

func clockThatWasSetBackKeepsNobodyIdleForLonger(t *testing.T, open Factory) {
	r, g := idle(t, open)
	r.clock.advance(-time.Hour)
	a, err := r.Retire(r.ctx, g)
	require.NoError(t, err)
	require.False(t, a.Done)
	require.Equal(t, fleet.Duration(time.Minute), a.Left)
	r.clock.advance(time.Minute)
	a, err = r.Retire(r.ctx, g)
	require.NoError(t, err)
	require.True(t, a.Done)
}

func busyCrawlerIsNotRetired(t *testing.T, open Factory) {
	r, g := idle(t, open)
	r.clock.advance(time.Hour)
	l := r.leased(ticket("acme", "two"))
	require.Equal(t, g, l.GUID)
	a, err := r.Retire(r.ctx, g)
	require.NoError(t, err)
	require.False(t, a.Done)
	require.Equal(t, fleet.Duration(time.Minute), a.Left)
	require.Equal(t, 1, a.Leases)
}

func drainLetsLeasesRunOut(t *testing.T, open Factory) {
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
}

func drainedBeforeItServes(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
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
}

// reserved is a crawler that a ticket's arrival has reserved.
func reserved(t *testing.T, open Factory, change func(*Config)) (*rig, fleet.CrawlerInput) {
	t.Helper()
	r := newRig(t, open, change)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 2})
	r.route(ticket("acme", "one"))
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	return r, d.Starts[0]
}

// idle is a crawler whose only ticket has ended.
func idle(t *testing.T, open Factory) (*rig, fleet.GUID) {
	t.Helper()
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	return r, l.GUID
}
