package controldb

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// yield drains the crawler that a slot has just been freed on when its place is full
// and a tenant that is served less waits for it.
func (w *work) yield(t tenantRow, l *fleet.LeaseRow) ([]fleet.CrawlerDrain, error) {
	starved, err := w.starved(t.ID, l.Offering)
	if err != nil || len(starved) == 0 {
		return nil, err
	}
	c, err := w.crawler(l.GUID)
	if err != nil || c.State != fleet.CrawlerServing {
		return nil, err
	}
	var leaving int
	if err := w.One(`SELECT count(*) FROM crawlers WHERE account = ?
			AND state <> 'gone' AND state IN ('draining', 'retired')`,
		[]any{c.Account}, &leaving); err != nil {
		return nil, err
	}
	if leaving > 0 { // room is being made already
		return nil, nil
	}
	holder := plan.Share{Tenant: t.ID, Weight: t.Plan.Weight}
	if holder.Slots, err = w.inUse(t.ID); err != nil {
		return nil, err
	}
	holder.Slots++ // the one that has just been freed
	to, why := plan.Yield(w.now, max(w.s.o.Patience, 0), holder, starved)
	if to == "" {
		return nil, nil
	}
	if err := w.drain(&c, fmt.Sprintf("makes room for tenant %s: %s", to, why), 0); err != nil {
		return nil, err
	}
	return w.drains(t.ID)
}

// starved lists the other tenants with tickets that wait for capacity and could run
// at an offering; a tenant once for each place that its tickets ask for.
func (w *work) starved(not fleet.TenantID, at fleet.OfferingID) ([]plan.Share, error) {
	type group struct {
		plan.Share
		place string
	}
	groups, err := list(w, `SELECT tenant, place, count(*), min(since) FROM tickets
		WHERE state = 'waiting' AND wait_code = 'capacity' AND tenant <> ?
		GROUP BY tenant, place ORDER BY tenant, place`, []any{not}, func(r scanner, g *group) error {
		var since int64
		err := r.Scan(&g.Tenant, &g.place, &g.Waiting, &since)
		g.Since = store.Moment(since)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []plan.Share
	o := w.s.offering(at)
	for _, g := range groups {
		var place fleet.Place
		if err := parse(g.place, &place); err != nil {
			return nil, err
		}
		if !plan.Fits(o, place) {
			continue
		}
		t, err := w.tenant(g.Tenant)
		if err != nil {
			return nil, err
		}
		g.Weight = t.Plan.Weight
		if g.Slots, err = w.inUse(g.Tenant); err != nil {
			return nil, err
		}
		out = append(out, g.Share)
	}
	return out, nil
}

func (w *work) inUse(t fleet.TenantID) (n int, err error) {
	err = w.One(`SELECT coalesce(sum(leased), 0) FROM crawlers WHERE tenant = ? AND state <> 'gone'`,
		[]any{t}, &n)
	return n, err
}
