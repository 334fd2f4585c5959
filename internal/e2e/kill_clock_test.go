package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// jump puts the control store's clock forward or back, against that of the machine.
func (d *drill) jump(by time.Duration) {
	d.t.Helper()
	fresh := filepath.Join(d.DataDir(), "clock.new")
	require.NoError(d.t, os.WriteFile(fresh, []byte(by.String()), 0o600))
	require.NoError(d.t, os.Rename(fresh, filepath.Join(d.DataDir(), "clock")))
}

// The clock of the control side jumps by an hour, forward and back, in the middle of crawls.
func TestKill_ClockJumpsBothWays(t *testing.T) {
	t.Parallel()
	d := crashing(t, Options{}).drill
	d.site.SetPageDelay(slowly)
	began := time.Now()
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 3})
	running := []*Ticket{d.crawl(a, "running-1"), d.crawl(a, "running-2")}
	for _, k := range running {
		k.Leased()
	}
	at := running[0].Leased().GUID
	var last int64
	for i, by := range []time.Duration{time.Hour, -time.Hour, 0} {
		d.awaitRequests(30)
		d.jump(by)
		k := d.crawl(a, fleet.TicketID(fmt.Sprintf("fresh-%d", i)), func(in *fleet.TicketInput) { in.Scope.MaxPages = 2 })
		d.expect(k, fleet.OutcomeLimited)
		require.Equal(t, []fleet.GUID{at}, k.End().Crawlers, "the crawler goes on: %s", by)
		d.awaitRequests(10)
	}
	// A ticket that is leased again while the clock is behind has a higher epoch all the same.
	d.jump(-time.Hour)
	for range 2 {
		epoch := running[0].Leased().Epoch
		require.Greater(t, epoch, last)
		last = epoch
		killed, _ := d.killCrawlerOf(running[0])
		running[0].await("to be leased again", func(r fleet.TicketRow) bool {
			return r.Lease != nil && r.Lease.Epoch > epoch
		})
		t.Logf("leased again %s after a kill, with the clock behind", time.Since(killed).Round(time.Millisecond))
	}
	d.site.SetPageDelay(0)
	for _, k := range running {
		k.Done()
	}
	t.Logf("crawled through the jumps within %s", time.Since(began).Round(time.Millisecond))
	d.idleAgain(a)
	t.Logf("and idle until %s", time.Since(began).Round(time.Millisecond))
	d.jump(0)
	d.lives(time.Since(began) + time.Hour)
	d.witness.forget() // burials were written down an hour ago
	d.judge()
}

// idleAgain has the clock go back while a crawler is idle: it is not kept for an hour more.
func (d *drill) idleAgain(a *Tenant) {
	d.t.Helper()
	d.jump(0)
	k := d.crawl(a, "before-the-jump", func(in *fleet.TicketInput) { in.Scope.MaxPages = 1 })
	d.expect(k, fleet.OutcomeLimited)
	k.End()
	d.jump(-time.Hour)
	a.AwaitNoCrawlers()
}

// lives wants no line of the ledger that is negative, or longer than a time can have been.
func (d *drill) lives(most time.Duration) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.DataDir(), "control.db")+"?mode=ro")
	require.NoError(d.t, err)
	defer func() { assert.NoError(d.t, db.Close()) }()
	lines := 0
	require.NoError(d.t, each(context.Background(), db, `SELECT kind, time, amount FROM ledger`, func(r *sql.Rows) error {
		var kind string
		var took, amount int64
		err := r.Scan(&kind, &took, &amount)
		lines++
		assert.GreaterOrEqual(d.t, took, int64(0), "the time of a line: %s", kind)
		assert.GreaterOrEqual(d.t, amount, int64(0), "the amount of a line: %s", kind)
		assert.LessOrEqual(d.t, took, most.Microseconds(), "the time of a line: %s", kind)
		return err
	}))
	require.Positive(d.t, lines)
}
