package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestKill_CrawlerInMidCrawl(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 4})
	plain := d.crawl(a, "plain")
	plain.Leased()
	preferred := d.crawl(a, "preferred", inSession("ann", fleet.LossPreferred))
	required := d.crawl(a, "required", inSession("bob", fleet.LossRequired))
	first := required.Leased()
	preferred.Leased()
	d.awaitRequests(150)
	at, _ := d.killCrawlerOf(plain) // the next one has the same address
	t.Logf("on again %s after the kill", d.awaitResumed(at.Add(20*time.Millisecond)))
	d.judge()
	require.Equal(t, []string{first.Address}, required.End().Addresses, "required: the same address")
	require.Equal(t, 1, plain.End().Moves)
	require.Equal(t, 1, preferred.End().Moves)
}

func TestKill_TwoCrawlersInARow(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2})
	k := d.crawl(a, "twice")
	other := d.crawl(a, "beside")
	for i := range 2 {
		k.Leased()
		d.awaitRequests(60)
		t.Logf("kill %d: on again after %s", i+1, d.awaitResumed(d.killCrawlerOf(k)))
		k.await("to have moved", func(r fleet.TicketRow) bool { return r.Lease != nil })
	}
	d.judge()
	other.End()
}

func TestKill_CrawlerBeforeItsHello(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, 10*time.Millisecond)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1})
	a.AwaitNoCrawlers() // the proof of the provisioning
	mute, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, d.UseCrawler(mute))
	k := d.crawl(a, "stillborn")
	at := d.killMute()
	t.Logf("killed before its Hello: crawled %s after the kill", d.awaitResumed(at))
	d.judge()
	require.Len(t, k.End().Crawlers, 1, "nobody else served it")
	require.Len(t, a.Crawlers(true), 2)
}

// killMute kills the stand-in that was started, and has the next crawler be a real one.
func (d *drill) killMute() time.Time {
	d.t.Helper()
	var all []Running
	Await(d.t, "a crawler to be started", func() (bool, string) {
		var err error
		all, err = d.Fleet.Crawlers()
		return len(all) > 0, fmt.Sprint(all, err)
	})
	require.NoError(d.t, d.UseCrawler(d.programs.Crawler))
	at := time.Now()
	Kill(all[0].PID)
	return at
}
