package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testSession(t *testing.T, open Factory) {
	each(t, open, []part{
		{"StaysOnItsCrawler", staysOnItsCrawler},
		{"TicketsOfANewSessionCountOnOneCrawler", ticketsOfANewSessionCountOnOneCrawler},
		{"PreferredAsksForTheSameAddress", preferredAsksForTheSameAddress},
		{"PreferredTakesAnyOtherwise", preferredTakesAnyOtherwise},
		{"RequiredPinsItsAddress", requiredPinsItsAddress},
		{"RequiredWaitsForItsAddress", requiredWaitsForItsAddress},
		{"FailEndsWhenTheAddressCannotBeHad", failEndsWhenTheAddressCannotBeHad},
		{"FailTakesTheAddressWhenItCan", failTakesTheAddressWhenItCan},
		{"NotOnTwoCrawlersWhileOneDrains", notOnTwoCrawlersWhileOneDrains},
	})
}

func staysOnItsCrawler(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2})
	l := r.cold(ticket("acme", "one", inSession("s", "")))
	r.leased(ticket("acme", "other"))
	a := r.waits(ticket("acme", "two", inSession("s", "")), fleet.WaitSession)
	require.Contains(t, a.Wait.Message, string(l.GUID[len(l.GUID)-8:]))
	require.Empty(t, r.decide("acme").Starts, "never two crawlers for one session")
	f := r.record(l).Follow
	require.Len(t, f.Grants, 1)
	require.Equal(t, l.GUID, r.leased(ticket("acme", "two", inSession("s", ""))).GUID)
}

func ticketsOfANewSessionCountOnOneCrawler(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 1})
	for _, id := range []fleet.TicketID{"one", "two", "three"} {
		r.route(ticket("acme", id, inSession("s", "")))
	}
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Len(t, r.serve(d.Starts[0]).Grants, 1)
	require.Empty(t, r.decide("acme").Starts)
}

func preferredAsksForTheSameAddress(t *testing.T, open Factory) {
	r, l := bound(t, open, nil)
	r.route(ticket("acme", "two", inSession("s", fleet.LossPreferred)))
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, l.Address, d.Starts[0].Address)
}

func preferredTakesAnyOtherwise(t *testing.T, open Factory) {
	r, _ := bound(t, open, func(c *Config) { c.Pins = nil })
	r.route(ticket("acme", "two", inSession("s", fleet.LossPreferred)))
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Empty(t, d.Starts[0].Address)
}

func requiredPinsItsAddress(t *testing.T, open Factory) {
	r, l := bound(t, open, nil)
	other := r.cold(ticket("acme", "other"))
	r.record(other) // a warm slot with another address
	req := ticket("acme", "two", inSession("s", fleet.LossRequired))
	again := r.cold(req)
	require.Equal(t, l.Address, again.Address)
	require.NotEqual(t, l.GUID, again.GUID)
}

func requiredWaitsForItsAddress(t *testing.T, open Factory) {
	r, l := bound(t, open, nil)
	r.tenant("rival", fleet.Plan{SlotsPerCrawler: 1})
	r.hosts = 1 // the rival's crawler gets the address
	held := r.cold(ticket("rival", "holds"))
	require.Equal(t, l.Address, held.Address)
	req := ticket("acme", "two", inSession("s", fleet.LossRequired))
	r.waits(req, fleet.WaitSession)
	d := r.decide("acme")
	require.Empty(t, d.Starts)
	require.Equal(t, 1, d.Unmet)
	r.record(held)
	f, err := r.Gone(r.ctx, held.GUID, r.clock.now())
	require.NoError(t, err)
	require.Contains(t, f.Conductors, fleet.TenantID("acme"))
	d = r.decide("acme")
	require.Len(t, d.Starts, 1)
	require.Equal(t, l.Address, d.Starts[0].Address)
}

func failEndsWhenTheAddressCannotBeHad(t *testing.T, open Factory) {
	r, _ := bound(t, open, func(c *Config) { c.Pins = nil })
	req := ticket("acme", "two", inSession("s", fleet.LossFail))
	_, err := r.Route(r.ctx, req)
	refused(t, err, fleet.CodeSessionLost, "session")
	d := r.decide("acme")
	require.Len(t, d.Follow.Grants, 1, "it is told to ask again")
	require.Zero(t, d.Follow.Grants[0].Epoch)
	rec := fleet.RecordRequest{Tenant: "acme", Ticket: "two", Outcome: fleet.OutcomeFailed}
	a, err := r.Record(r.ctx, rec)
	require.NoError(t, err, "its row is there to be ended")
	require.Equal(t, fleet.OutcomeFailed, a.Result.Outcome)
	r.cold(ticket("acme", "three", inSession("new", fleet.LossFail))) // never bound: free
}

func failTakesTheAddressWhenItCan(t *testing.T, open Factory) {
	r, l := bound(t, open, nil)
	require.Equal(t, l.Address, r.cold(ticket("acme", "two", inSession("s", fleet.LossFail))).Address)
}

func notOnTwoCrawlersWhileOneDrains(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2})
	l := r.cold(ticket("acme", "one", inSession("s", "")))
	_, err := r.Drain(r.ctx, l.GUID, "asked")
	require.NoError(t, err)
	r.waits(ticket("acme", "two", inSession("s", "")), fleet.WaitSession)
	require.Empty(t, r.decide("acme").Starts)
	r.clock.advance(time.Second)
	require.Equal(t, []fleet.TenantID{"acme"}, r.record(l).Follow.Conductors)
	require.Len(t, r.decide("acme").Starts, 1)
}

// bound is a session that has been served, and whose crawler is gone.
func bound(t *testing.T, open Factory, change func(*Config)) (*rig, fleet.Lease) {
	t.Helper()
	r := newRig(t, open, change)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "first", inSession("s", "")))
	r.record(l)
	_, err := r.Bury(r.ctx, l.GUID, "killed")
	require.NoError(t, err)
	return r, l
}
