package activities_test

import (
	"context"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// elsewhere is another substrate beside the desk's own.
type elsewhere struct{ *activitytest.Provider }

func (elsewhere) Kind() fleet.ProviderKind { return "elsewhere" }

// two gives the desk a second substrate.
func (d *desk) two() *activitytest.Provider {
	p := activitytest.NewProvider()
	d.machines.Providers = activities.Providers{"memory": d.provider, "elsewhere": elsewhere{p}}
	return p
}

// orphan plants a machine that no row knows of.
func (d *desk) orphan(p *activitytest.Provider, n int, age time.Duration) fleet.GUID {
	g := activitytest.GUID(n)
	p.Put(fleet.Instance{
		Key: d.key(g), Phase: fleet.PhaseRunning, CreatedAt: time.Now().Add(-age),
		Offering: "elsewhere/x", ProviderID: "job-" + string(g),
	})
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", g))
	return g
}

func TestReaper_AListThatFailsKeepsNoOtherProviderFromBeingCompared(t *testing.T) {
	t.Parallel()
	d := newDesk()
	second := d.two()
	d.orphan(d.provider, 8, time.Hour)
	left := d.orphan(second, 9, time.Hour)
	d.provider.ListError = d.provider.Refusal(fleet.ClassRetryable) // after half of it

	for range 3 {
		require.Error(t, d.reaper.Round(t.Context()))
	}
	require.Len(t, d.provider.Others(), 1, "nothing is deleted by a part of a list")
	require.Empty(t, second.Others(), "%s is stopped", left)
	failed := d.store.Comparison("memory")
	require.NotEmpty(t, failed.Error)
	require.Empty(t, failed.Leftovers)
	require.Empty(t, d.store.Comparison("elsewhere").Error)

	d.provider.ListError = nil
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Len(t, d.provider.Others(), 1, "in a whole list it is for the first time")
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Empty(t, d.provider.Others())
}

func TestReaper_ALeftoverSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	d := newDesk()
	second := d.two()
	g := d.orphan(second, 9, time.Hour)
	second.Put(fleet.Instance{
		Key: fleet.Key{Fleet: "foreign", Tenant: "acme", GUID: activitytest.GUID(10)}, Phase: fleet.PhaseRunning,
	})
	require.NoError(t, d.reaper.Round(t.Context()))
	c := d.store.Comparison("elsewhere")
	require.Equal(t, 1, c.Instances, "another fleet's is none of ours")
	require.Len(t, c.Leftovers, 1)
	l := c.Leftovers[0]
	require.Equal(t, fleet.LeftoverOrphan, l.Kind)
	require.Equal(t, g, l.GUID)
	require.Equal(t, fleet.TenantID("acme"), l.Tenant)
	require.Equal(t, "job-"+string(g), l.ProviderID)
	require.Equal(t, fleet.OfferingID("elsewhere/x"), l.Offering)
	require.WithinDuration(t, time.Now().Add(-time.Hour), l.Created, time.Minute)

	gone := d.launched(t, time.Hour)
	d.provider.Kill(gone)
	require.NoError(t, d.reaper.Round(t.Context()))
	c = d.store.Comparison("memory")
	require.Len(t, c.Leftovers, 1)
	require.Equal(t, fleet.LeftoverMissing, c.Leftovers[0].Kind)
	require.Equal(t, gone, c.Leftovers[0].GUID)
}

// hanging is a substrate that takes every question and answers none.
type hanging struct {
	*activitytest.Provider
	asked chan struct{} // closed by the first list
	once  sync.Once
}

func (h *hanging) List(ctx context.Context, _ fleet.Filter) iter.Seq2[fleet.Instance, error] {
	return func(yield func(fleet.Instance, error) bool) {
		h.once.Do(func() { close(h.asked) })
		<-ctx.Done()
		yield(fleet.Instance{}, ctx.Err())
	}
}

func TestReaper_AProviderThatHangsHoldsUpNoRow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	d.route(t, "t1")
	d.later(leaseAge)
	silent := &hanging{Provider: d.provider, asked: make(chan struct{})}
	d.machines.Providers = activities.Providers{"memory": silent}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.reaper.Run(ctx) }()
	<-silent.asked

	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	require.Eventually(t, func() bool { return d.store.Ticket("t1").State == fleet.TicketEnded },
		30*time.Second, time.Millisecond, "a list hangs for longer")
	cancel()
	<-ended
}

func TestReaper_AClockThatWasPutBackKeepsNoListWaiting(t *testing.T) {
	t.Parallel()
	d := newDesk()
	by := time.Hour
	d.reaper.Clock = func() time.Time { return time.Now().Add(by) }
	d.reaper.ListEvery = 30 * time.Second
	d.orphan(d.provider, 9, time.Hour)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, 1, d.store.Comparison("memory").Instances)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Len(t, d.provider.Others(), 1, "it is not listed again yet")
	by = 0
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Empty(t, d.provider.Others())
}

// The control side is cut off from Temporal and the store for ten minutes; machines and
// rows grow old meanwhile, and nobody concludes anything from that.
func TestReaper_TenMinutesCutOffDeleteNothing(t *testing.T) {
	t.Parallel()
	d := newDesk()
	serving := d.launched(t, time.Hour)
	d.orphan(d.provider, 9, 10*time.Minute)
	require.NoError(t, d.reaper.Round(t.Context()), "seen for the first time")

	d.temporal.Err = serviceerror.NewUnavailable("away")
	for range 20 { // every 30 s
		require.Error(t, d.reaper.Round(t.Context()))
	}
	d.temporal.Err = nil
	d.store.Fail("Crawlers", fleet.Errorf(fleet.CodeUnavailable, "away"))
	for range 20 {
		require.Error(t, d.reaper.Round(t.Context()))
	}
	d.store.Fail("Crawlers", nil)
	d.later(10 * time.Minute)
	require.Len(t, d.provider.Others(), 1)
	require.Equal(t, fleet.CrawlerServing, d.store.Row(serving).State)
	require.Equal(t, 1, d.provider.Running())

	require.NoError(t, d.reaper.Round(t.Context()))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Empty(t, d.provider.Others(), "then it goes on where it was")
	require.Equal(t, 1, d.provider.Running(), "and leaves alone what serves")
}

func TestMarket_AsksEveryProvider(t *testing.T) {
	t.Parallel()
	d := newDesk()
	second := d.two()
	m := activities.Market{
		Desk: d.store, Providers: d.machines.Providers, IdleAfter: time.Hour, Log: d.reaper.Log,
	}
	require.NoError(t, m.Round(t.Context()))
	require.Len(t, d.store.Market(), 2)
	for _, o := range d.store.Market() {
		require.False(t, o.Silent)
		require.Len(t, o.Offerings, 1)
		require.Equal(t, time.Hour, o.Offerings[0].IdleAfter.Std())
	}
	second.OfferingsError = second.Refusal(fleet.ClassRetryable)
	require.Error(t, m.Round(t.Context()))
	for _, o := range d.store.Market() {
		require.Equal(t, o.Provider == "elsewhere", o.Silent)
	}
}
