package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// between counts the requests of a span.
func (d *drill) between(from, to time.Time) int {
	n := 0
	for _, r := range d.site.Log() {
		if r.Time.After(from) && r.Time.Before(to) {
			n++
		}
	}
	return n
}

// killWorker kills the control worker and starts it again after a pause.
func (d *drill) killWorker(pause time.Duration) {
	d.t.Helper()
	at := time.Now()
	d.Worker.Kill()
	time.Sleep(pause) // the outage itself
	require.NoError(d.t, d.StartWorker())
	d.t.Logf("control worker away for %s; %d requests meanwhile",
		time.Since(at).Round(time.Millisecond), d.between(at.Add(10*time.Millisecond), time.Now()))
}

func TestKill_ControlWorker(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
	running := []*Ticket{d.crawl(a, "running-1"), d.crawl(a, "running-2")}
	for _, k := range running {
		k.Leased()
	}
	waiting := d.crawl(a, "waiting")
	waiting.Waits(fleet.WaitSlot)
	d.awaitRequests(60)
	d.killWorker(time.Second) // in mid-crawl, and while a ticket waits

	// While a crawler starts, at several moments of its start.
	b := d.NewTenant(t, fleet.Plan{MaxCrawlers: 4, SlotsPerCrawler: 1})
	for i, pause := range []time.Duration{0, 60 * time.Millisecond, 150 * time.Millisecond} {
		d.crawl(b, fleet.TicketID(fmt.Sprintf("start-%d", i)))
		time.Sleep(pause) // the moment is what is tried, whatever it meets
		d.killWorker(0)
	}

	// While tenants are provisioned.
	var fresh []*Tenant
	for i, pause := range []time.Duration{0, 40 * time.Millisecond, 200 * time.Millisecond} {
		id := fleet.TenantID(fmt.Sprintf("fresh-%d", i))
		require.NoError(t, d.Client.StartTenant(t.Context(), fleet.TenantInput{Tenant: id}))
		fresh = append(fresh, &Tenant{Fleet: d.Fleet, ID: id, t: t})
		time.Sleep(pause) // as above
		d.killWorker(0)
	}
	began := time.Now()
	for _, a := range fresh {
		a.AwaitReady()
	}
	t.Logf("tenants provisioned %s after the last kill", time.Since(began).Round(time.Millisecond))
	d.crawl(fresh[0], "after")
	d.judge()
	for _, k := range running {
		assert.Zero(t, k.End().Moves, "the crawler went on")
	}
	assert.Empty(t, d.buried(a), "no healthy crawler was buried")
}

func TestKill_TemporalServerFor20s(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
	running := d.crawl(a, "running")
	running.Leased()
	ends := d.crawl(a, "ends-meanwhile", func(in *fleet.TicketInput) { in.Scope.MaxPages = 60 })
	d.expect(ends, fleet.OutcomeLimited)
	ends.Leased()
	waiting := d.crawl(a, "waiting", func(in *fleet.TicketInput) { in.Scope.MaxPages = 5 })
	d.expect(waiting, fleet.OutcomeLimited)
	waiting.Waits(fleet.WaitSlot)
	d.awaitRequests(20)

	at := time.Now()
	d.Server.Kill()
	time.Sleep(20 * time.Second) // the outage itself
	back := time.Now()
	t.Logf("%d requests in the 20 s of the outage, %d in the last 5 s",
		d.between(at, back), d.between(back.Add(-5*time.Second), back))
	assert.Positive(t, d.between(back.Add(-5*time.Second), back), "the crawl goes on meanwhile")
	require.NoError(t, d.StartServer())
	up := time.Now()
	fresh := d.crawl(a, "fresh", func(in *fleet.TicketInput) { in.Scope.MaxPages = 1 })
	d.expect(fresh, fleet.OutcomeLimited)
	waiting.End()
	t.Logf("the server was back after %s; the ticket that waited was served %s later",
		up.Sub(back).Round(time.Millisecond), time.Since(up).Round(time.Millisecond))
	fresh.End()
	t.Logf("a fresh ticket was served %s after the server was back", time.Since(up).Round(time.Millisecond))
	d.site.SetPageDelay(300 * time.Millisecond)
	running.End()
	t.Logf("the crawl through the outage ended %s after it", time.Since(up).Round(time.Millisecond))
	d.judge()
	assert.Zero(t, running.End().Moves, "the crawler was kept")
	assert.Len(t, a.Crawlers(true), 1)
	assert.Empty(t, d.buried(a), "no healthy crawler was buried")
}

func TestKill_EverythingAtOnce(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
	for i := range 3 { // two crawled, one waits
		d.crawl(a, fleet.TicketID(fmt.Sprintf("t-%d", i)))
	}
	d.awaitRequests(100)
	for i := range 2 {
		d.lose(2)
		require.NoError(t, d.KillAll())
		at := time.Now()
		require.NoError(t, d.StartAll())
		up := time.Now()
		t.Logf("everything killed (%d): up after %s, the crawl on after %s", i+1,
			up.Sub(at).Round(time.Millisecond), d.awaitResumed(at))
		d.awaitRequests(30)
	}
	d.judge()
}

// killInLaunch kills the control worker when the provider has written that it is about
// to start a crawler: that GUID never runs, and its place is not at fault.
func (d *drill) killInLaunch(begin func()) {
	d.t.Helper()
	launches := func() int {
		records, err := filepath.Glob(filepath.Join(d.DataDir(), "crawlers", "live", "*.json"))
		require.NoError(d.t, err)
		return len(records)
	}
	before := launches()
	begin()
	give := time.Now().Add(Patience)
	for launches() <= before { // without a pause: the fork comes within milliseconds
		require.True(d.t, time.Now().Before(give), "nothing was launched")
	}
	d.Worker.Kill()
	require.NoError(d.t, d.StartWorker())
}

func TestKill_ControlWorkerInTheMiddleOfALaunch(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{}, 10*time.Millisecond)
	a := &Tenant{Fleet: d.Fleet, ID: "launched", t: t}
	began := time.Now()
	d.killInLaunch(func() {
		require.NoError(t, d.Client.StartTenant(t.Context(), fleet.TenantInput{Tenant: a.ID}))
	})
	a.AwaitReady()
	t.Logf("the proof's launch cut short: provisioned after %s", time.Since(began).Round(time.Millisecond))
	a.AwaitNoCrawlers()
	began = time.Now()
	d.killInLaunch(func() { d.crawl(a, "launched") })
	d.judge()
	t.Logf("a crawler's launch cut short: all done after %s", time.Since(began).Round(time.Millisecond))
	for _, c := range a.Crawlers(true) {
		t.Logf("%s: %s", c.GUID, c.Reason)
	}
}
