package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// quiet is how long a crawl that asks many times a second must have asked for nothing to count
// as stopped.
const quiet = time.Second

// cancelled cancels a ticket and judges its end. Two seconds are promised, whatever the ticket
// is doing; how long it took is printed, and is not judged on a machine that does other things.
func (k *Ticket) cancelled() {
	k.t.Helper()
	asked := time.Now()
	k.Cancel()
	r := k.End()
	took := r.Times.Ended.Sub(asked)
	k.t.Logf("cancelled within %s", took.Round(time.Millisecond))
	require.Equal(k.t, fleet.OutcomeCancelled, r.Outcome)
	require.True(k.t, r.Counters.Balanced(), show(r.Counters))
	require.Zero(k.t, r.Counters.Queued+r.Counters.InFlight)
	require.Nil(k.t, k.Row().Lease)
}

func TestCancel_CrawlingTicketAsksTheSiteNoMore(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	k := a.Submit(maze(s, 10_000, 20*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 20, show(n) })
	k.cancelled()
	ended := k.Row().Times.Ended
	stored := len(k.Fetched())
	require.Positive(t, stored, "results are kept")

	var last time.Time
	Await(t, "the site to be left alone", func() (bool, string) {
		log := s.Log()
		last = log[len(log)-1].Time
		return time.Since(last) > quiet, show(len(log))
	})
	t.Logf("last request %s after the end", last.Sub(ended).Round(time.Millisecond))
	require.Len(t, k.Fetched(), stored, "and nothing was stored after its end")
}

func TestCancel_WaitingTicketEndsAtOnce(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	in.Deadline = "8s"
	a.Submit(page(s.ShopURL("/about"))).Done() // its crawler is there: the deadline is the crawl's
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
	in.Deadline = "6s"
	k := a.Submit(in)
	k.Waits(fleet.WaitSlot)
	r := k.End()
	require.Equal(t, fleet.OutcomeExpired, r.Outcome)
	require.Empty(t, r.Crawlers)
	require.Zero(t, s.Count("/about"))
	held.Cancel()
	held.End()
}
