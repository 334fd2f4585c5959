package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testBooks(t *testing.T, open Factory) {
	each(t, open, []part{
		{"StartAndIdleAreSharedBySlotTime", startAndIdleAreSharedBySlotTime},
		{"CrawlerThatServedNobodyIsTheTenants", crawlerThatServedNobodyIsTheTenants},
		{"CrawlerThatWasNeverAcceptedCostsNothing", crawlerThatWasNeverAcceptedCostsNothing},
		{"GoneFreesWhatWasNotBuried", goneFreesWhatWasNotBuried},
	})
}

func startAndIdleAreSharedBySlotTime(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{SlotsPerCrawler: 2})
	r.route(ticket("acme", "short"))
	in := r.decide("acme").Starts[0]
	_, err := r.Launching(r.ctx, in)
	require.NoError(t, err)
	require.NoError(t, r.Launched(r.ctx, in.GUID, fleet.Instance{}))
	launched := r.clock.now()
	r.clock.advance(4 * time.Second) // cold start
	_, err = r.Serving(r.ctx, in.GUID, r.hello(in))
	require.NoError(t, err)
	short := r.leased(ticket("acme", "short"))
	long := r.leased(ticket("acme", "long"))
	r.clock.advance(2 * time.Second)
	r.record(short)
	r.clock.advance(4 * time.Second)
	r.record(long)
	b, err := r.Bill(r.ctx, "acme", "long")
	require.NoError(t, err)
	require.False(t, b.Final)
	r.clock.advance(10*time.Second + time.Millisecond)
	for range 2 {
		_, err := r.Gone(r.ctx, in.GUID, r.clock.now())
		require.NoError(t, err)
	}
	// 20.001 s are billed as 21 s: 21,000 micros. Slots: 2 s and 6 s at half the
	// price, 1,000 and 3,000. Start 4,000, the rest 13,000, shared 1 to 3.
	require.Equal(t, map[fleet.LedgerKind]int64{
		fleet.LedgerSlot: 1000, fleet.LedgerStart: 1000, fleet.LedgerIdle: 3250,
	}, lines(r, "short"))
	require.Equal(t, map[fleet.LedgerKind]int64{
		fleet.LedgerSlot: 3000, fleet.LedgerStart: 3000, fleet.LedgerIdle: 9750,
	}, lines(r, "long"))
	require.Equal(t, euro(5250), r.row("acme", "short").Result.Bill)
	costs, err := r.Costs(r.ctx, launched)
	require.NoError(t, err)
	require.Equal(t, []fleet.Bill{{Tenant: "acme", Total: euro(21_000), Final: true}}, costs)
	b, err = r.Bill(r.ctx, "acme", "long")
	require.NoError(t, err)
	require.True(t, b.Final)
	require.Equal(t, euro(15_750), b.Total)
	require.Equal(t, fleet.CrawlerGone, r.crawler(in.GUID).State)
}

func crawlerThatServedNobodyIsTheTenants(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	_, err := r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeCancelled})
	require.NoError(t, err)
	require.Empty(t, r.serve(in).Grants)
	r.clock.advance(9 * time.Second)
	_, err = r.Gone(r.ctx, in.GUID, r.clock.now())
	require.NoError(t, err)
	costs, err := r.Costs(r.ctx, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []fleet.Bill{{Tenant: "acme", Total: euro(9000), Final: true}}, costs)
}

func crawlerThatWasNeverAcceptedCostsNothing(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	in := r.decide("acme").Starts[0]
	r.clock.advance(time.Minute)
	_, err := r.Failed(r.ctx, fleet.LaunchFailure{GUID: in.GUID, Class: fleet.ClassAmbiguous, Reason: "?"})
	require.NoError(t, err)
	_, err = r.Gone(r.ctx, in.GUID, r.clock.now())
	require.NoError(t, err)
	costs, err := r.Costs(r.ctx, time.Time{})
	require.NoError(t, err)
	require.Empty(t, costs)
}

func goneFreesWhatWasNotBuried(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	f, err := r.Gone(r.ctx, l.GUID, r.clock.now())
	require.NoError(t, err)
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
	require.Equal(t, fleet.TicketWaiting, r.row("acme", "one").State)
}

// lines is what a ticket of acme's has to pay, by kind, in millionths.
func lines(r *rig, id fleet.TicketID) map[fleet.LedgerKind]int64 {
	r.t.Helper()
	b, err := r.Bill(r.ctx, "acme", id)
	require.NoError(r.t, err)
	out := map[fleet.LedgerKind]int64{}
	for _, l := range b.Lines {
		out[l.Kind] += l.Amount.Micros
	}
	return out
}
