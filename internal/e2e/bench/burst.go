package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// burstRow is many tickets at once for a tenant without a crawler.
type burstRow struct {
	Tickets  int     `json:"tickets"`
	Served   int     `json:"served"`
	Crawlers int     `json:"crawlers"` // that served
	Started  int     `json:"started"`  // crawlers, whether they came in time or not
	Seconds  float64 `json:"seconds"`  // from the first start to the last result
	Bound    float64 `json:"bound"`    // the fork of one crawler, then as many bare workflows
	Ratio    float64 `json:"ratio"`
}

const (
	burstTenant   = fleet.TenantID("burst")
	burstCrawlers = 4
	burstSlots    = 16
)

// burst starts n tickets at once, and then what bounds them: as many bare workflows with the
// same crawl at once, on a crawler that is forked in that moment.
func (r *rig) burst(ctx context.Context, n int) (row burstRow, err error) {
	row.Tickets = n
	plan := fleet.Plan{MaxCrawlers: burstCrawlers, SlotsPerCrawler: burstSlots}
	if err := r.newTenant(ctx, burstTenant, plan); err != nil {
		return row, err
	}
	if err := r.noCrawler(ctx, burstTenant); err != nil {
		return row, err
	}
	var mu sync.Mutex
	by := map[fleet.GUID]bool{}
	tickets := side{do: func(ctx context.Context) (string, error) {
		k, result, err := r.ticketResult(ctx, burstTenant)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			row.Served++
			for _, g := range result.Crawlers {
				by[g] = true
			}
		}
		return k.WorkflowID, err
	}}
	began := time.Now()
	if _, err := runFor(ctx, tickets, n, n); err != nil {
		return row, fmt.Errorf("a ticket of %d at once: %w", n, err)
	}
	row.Seconds, row.Crawlers = time.Since(began).Seconds(), len(by)
	live, err := r.fleet.Control.Crawlers(ctx, burstTenant)
	if err != nil {
		return row, err
	}
	row.Started = len(live)
	if row.Bound, err = r.burstBound(ctx, n); err != nil {
		return row, err
	}
	row.Ratio = row.Seconds / row.Bound
	return row, r.noCrawler(ctx, burstTenant)
}

func (r *rig) burstBound(ctx context.Context, n int) (seconds float64, err error) {
	began := time.Now()
	g := newGUID()
	c, err := r.fork(g, slots)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.stop() }() // it is killed: its work is done
	bare := side{do: func(ctx context.Context) (string, error) { return r.run(ctx, crawlOf(g), done) }}
	_, err = runFor(ctx, bare, n, n)
	return time.Since(began).Seconds(), err
}
