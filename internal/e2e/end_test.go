package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// cancelWithin is what a cancel is promised in, whatever the ticket is doing.
const cancelWithin = 2 * time.Second

// cancelled cancels a ticket and judges its end. It answers when it was asked for.
func (k *Ticket) cancelled() time.Time {
	k.t.Helper()
	asked := time.Now()
	k.Cancel()
	r := k.End()
	took := r.Times.Ended.Sub(asked)
	k.t.Logf("cancelled within %s", took.Round(time.Millisecond))
	require.Equal(k.t, fleet.OutcomeCancelled, r.Outcome)
	require.Less(k.t, took, cancelWithin)
	require.True(k.t, r.Counters.Balanced(), show(r.Counters))
	require.Zero(k.t, r.Counters.Queued+r.Counters.InFlight)
	require.Nil(k.t, k.Row().Lease)
	return asked
}

// The three are not parallel: a time is measured.

func TestCancel_CrawlingTicketAsksTheSiteNoMore(t *testing.T) {
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	k := a.Submit(maze(s, 10_000, 20*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 20, show(n) })
	asked := k.cancelled()
	stored := len(k.Fetched())
	require.Positive(t, stored, "results are kept")

	quiet := asked.Add(cancelWithin)
	time.Sleep(time.Until(quiet.Add(time.Second))) // the time in which nothing may happen has to pass
	log := s.Log()
	last := log[len(log)-1].Time
	t.Logf("last request %s after the cancel", last.Sub(asked).Round(time.Millisecond))
	require.False(t, last.After(quiet), "no request later than %s after it", cancelWithin)
	require.Len(t, k.Fetched(), stored, "and nothing was stored after its end")
}

func TestCancel_WaitingTicketEndsAtOnce(t *testing.T) {
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	held := a.Submit(hold(s))
	held.Leased()
	k := a.Submit(page(s.ShopURL("/about")))
	k.Waits(fleet.WaitSlot)
	k.cancelled()
	held.Cancel()
	held.End()
	require.Zero(t, s.Count("/about"))
}

func TestCancel_TicketQueuedOnACrawlerNeverRuns(t *testing.T) {
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, IdleAfter: fleet.Duration(time.Minute)})
	a.Submit(page(s.ShopURL("/about"))).Done()
	crawler := a.Processes()[0].PID
	Signal(crawler, syscall.SIGSTOP) // so that nobody takes what is on its queue
	t.Cleanup(func() { Signal(crawler, syscall.SIGCONT) })
	k := a.Submit(page(s.ShopURL("/contact")))
	k.Leased()
	k.cancelled()
	Signal(crawler, syscall.SIGCONT)
	// The crawler takes what comes after it.
	a.Submit(page(s.ShopURL("/shipping"))).Done()
	require.Zero(t, s.Count("/contact"))
	require.Empty(t, k.Pages())
}

func TestDeadline_RunningTicketEndsExpiredWithItsResultsKept(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	in := maze(s, 10_000, 50*time.Millisecond)
	in.Deadline = "4s"
	k := a.Submit(in)
	r := k.End()
	require.Equal(t, fleet.OutcomeExpired, r.Outcome)
	require.Contains(t, r.Reason, "deadline")
	require.NotEmpty(t, k.Fetched())
	require.EqualValues(t, len(k.Fetched()), r.Counters.Fetched)
	require.True(t, r.Counters.Balanced(), show(r.Counters))
	t.Logf("ended %s after its deadline with %d pages",
		r.Times.Ended.Sub(k.Row().Deadline).Round(time.Millisecond), r.Counters.Fetched)
}

func TestDeadline_WaitingTicketEndsExpired(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	held := a.Submit(hold(s))
	held.Leased()
	in := page(s.ShopURL("/about"))
	in.Deadline = "2s"
	k := a.Submit(in)
	k.Waits(fleet.WaitSlot)
	r := k.End()
	require.Equal(t, fleet.OutcomeExpired, r.Outcome)
	require.Empty(t, r.Crawlers)
	require.Zero(t, s.Count("/about"))
	held.Cancel()
	held.End()
}
