package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The gateway and what is behind it are killed in the middle of crawls, one after the
// other: nothing is lost, nothing is stored twice, and no crawler is.
func TestGateway_KilledWithWhatIsBehindIt(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{Gateway: true}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 4})
	b := d.NewTenant(t, fleet.Plan{})
	for _, id := range []fleet.TicketID{"one", "two", "three"} {
		d.crawl(a, id)
	}
	d.crawl(b, "another")
	d.awaitRequests(20)

	began := time.Now()
	d.Gate.Kill()
	require.NoError(t, d.StartGateway())
	d.awaitRequests(40)
	t.Logf("the gateway killed: goes on after %s", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	d.Worker.Kill()
	require.NoError(t, d.StartWorker())
	d.awaitRequests(40)
	t.Logf("the control worker killed: goes on after %s", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	d.Server.Kill()
	require.NoError(t, d.StartServer())
	d.awaitRequests(40)
	t.Logf("the server killed: goes on after %s", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	require.NoError(t, d.Gate.Stop(stopWithin), "a clean stop, within its deadline")
	t.Logf("stopped within %s", time.Since(began).Round(time.Millisecond))
	require.NoError(t, d.StartGateway())
	d.awaitRequests(20)
	d.judge()
	require.Empty(t, d.buried(a), "no crawler was given up")
	require.Empty(t, d.buried(b))
}

// Tickets that come while there is no gateway wait for it, on crawlers that wait for it.
func TestGateway_AwayForAWhile(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{Gateway: true}, 0)
	a := d.NewTenant(t, fleet.Plan{})
	d.Gate.Kill()
	k := d.crawl(a, "cold")
	Await(t, "a crawler that knocks", func() (bool, string) {
		rows := a.Crawlers(false)
		return len(rows) > 0 && rows[0].State == fleet.CrawlerStarting, show(rows)
	})
	require.NoError(t, d.StartGateway())
	require.Equal(t, fleet.OutcomeDone, k.End().Outcome)
	d.judge()
}
