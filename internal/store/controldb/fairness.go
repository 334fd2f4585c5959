package controldb

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// passOn hands a freed slot on: to a tenant that is served less and waits for the place,
// for which the crawler is drained; else to the tenant's own tickets; and a crawler that
// none of them wants makes room at once when anybody waits for its place.
func (w *work) passOn(t tenantRow, l *fleet.LeaseRow) ([]fleet.CrawlerDrain, error) {
	starved, err := w.starved(t.ID, l.Offering)
	if err != nil {
		return nil, err
	}
	if len(starved) == 0 {
		return nil, w.grant(t)
	}
	if drains, err := w.yield(t, l, starved); err != nil || len(drains) > 0 {
		return drains, err
	}
	if err := w.grant(t); err != nil {
		return nil, err
	}
	c, err := w.crawler(l.GUID)
	if err != nil || c.State != fleet.CrawlerServing || c.Leased > 0 {
		return nil, err
	}
	if making, err := w.making(c.Account); err != nil || making > 0 {
		return nil, err
	}
	if err := w.drain(&c, idleRoom, 0); err != nil {
		return nil, err
	}
	return w.drains(t.ID)
}

const idleRoom = "it is idle and another tenant waits for the place"

// yield drains the crawler that a slot has just been freed on when a tenant that is
// served less waits for its place.
func (w *work) yield(
	t tenantRow, l *fleet.LeaseRow, starved []plan.Share,
) ([]fleet.CrawlerDrain, error) {
	c, err := w.crawler(l.GUID)
	if err != nil || c.State != fleet.CrawlerServing {
		return nil, err
	}
	if making, err := w.making(c.Account); err != nil || making > 0 {
		return nil, err
	}
	holder := plan.Share{Tenant: t.ID, Weight: t.Plan.Weight}
	if holder.Slots, err = w.inUse(t.ID); err != nil {
		return nil, err
	}
	holder.Slots++ // the one that has just been freed
	to, why := plan.Yield(plan.Freed{At: w.now, Taken: l.TakenAt}, max(w.s.o.Patience, 0), holder, starved)
	if to == "" {
		return nil, nil
	}
	if err := w.drain(&c, why, 0); err != nil {
		return nil, err
	}
	return w.drains(t.ID)
}

// making counts the crawlers of an account that are about to make room. Those that wait
// for their tickets to come to their end are not: that may be long.
func (w *work) making(a fleet.Account) (n int, err error) {
	err = w.One(`SELECT count(*) FROM crawlers WHERE account = ? AND state <> 'gone'
			AND (state = 'retired' OR state = 'draining' AND (drain_grace <= ? OR leased = 0))`,
		[]any{a, fleet.GraceDefault.Microseconds()}, &n)
	return n, err
}

// starved lists the other tenants with tickets that wait for capacity and could run
// at an offering; a tenant once for each place that its tickets ask for.
func (w *work) starved(not fleet.TenantID, at fleet.OfferingID) ([]plan.Share, error) {
	groups, err := w.hungry(not)
	if err != nil {
		return nil, err
	}
	var out []plan.Share
	o, err := w.offering(at)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if plan.Fits(o, g.place) {
			out = append(out, g.Share)
		}
	}
	return out, nil
}

// hunger is what a tenant waits for at one place.
type hunger struct {
	plan.Share
	place fleet.Place
}

// hungry lists the other tenants with tickets that wait for capacity, by place.
func (w *work) hungry(not fleet.TenantID) ([]hunger, error) {
	type group struct {
		hunger
		doc string
	}
	groups, err := list(w, `SELECT tenant, place, count(*), min(since) FROM tickets
		WHERE state = 'waiting' AND wait_code = 'capacity' AND tenant <> ?
		GROUP BY tenant, place ORDER BY tenant, place`, []any{not}, func(r scanner, g *group) error {
		var since int64
		err := r.Scan(&g.Tenant, &g.doc, &g.Waiting, &since)
		g.Since = store.Moment(since)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []hunger
	for _, g := range groups {
		if err := parse(g.doc, &g.place); err != nil {
			return nil, err
		}
		t, err := w.tenant(g.Tenant)
		if err != nil {
			return nil, err
		}
		if plan.Stopped(t.Tenant) != nil {
			continue
		}
		g.Weight = t.Plan.Weight
		if g.Slots, err = w.inUse(g.Tenant); err != nil {
			return nil, err
		}
		out = append(out, g.hunger)
	}
	return out, nil
}

func (w *work) inUse(t fleet.TenantID) (n int, err error) {
	err = w.One(`SELECT coalesce(sum(leased), 0) FROM crawlers WHERE tenant = ? AND state <> 'gone'`,
		[]any{t}, &n)
	return n, err
}

// keepFor keeps room at full places for tenants that are served less than this one and
// wait there: whoever decides first must not take the place that was made for them.
func (w *work) keepFor(t tenantRow, s *plan.State) error {
	groups, err := w.hungry(t.ID)
	if err != nil || len(groups) == 0 {
		return err
	}
	self := plan.Share{Tenant: t.ID, Weight: t.Plan.Weight}
	if self.Slots, err = w.inUse(t.ID); err != nil {
		return err
	}
	for i := range s.Offerings {
		seen := map[fleet.TenantID]bool{}
		for _, g := range groups {
			if !seen[g.Tenant] && plan.Ahead(g.Share, self) && plan.Fits(s.Offerings[i].Offering, g.place) {
				seen[g.Tenant] = true
				s.Offerings[i].Claimed++
			}
		}
	}
	return nil
}

// makeRoom drains idle crawlers of other tenants at the places that tickets wait for:
// as many as there are crawlers to start, without those that are on their way out.
func (w *work) makeRoom(t tenantRow, waiting []ticketRow) error {
	var want []fleet.Place
	for i := range waiting {
		if waiting[i].wait.Code != fleet.WaitCapacity {
			continue
		}
		d, err := waiting[i].demand()
		if err != nil {
			return err
		}
		want = append(want, d.Place)
	}
	if len(want) == 0 {
		return nil
	}
	others, err := list(w, crawlerColumns+`WHERE tenant <> ? AND state <> 'gone' AND proof = 0
		ORDER BY idle_from, seq`, []any{t.ID}, scanCrawler)
	if err != nil {
		return err
	}
	need := (len(want) + t.Plan.SlotsPerCrawler - 1) / t.Plan.SlotsPerCrawler
	for i := range others {
		c := &others[i]
		if !wanted(c.CrawlerRow, want) {
			continue
		}
		switch {
		case c.State == fleet.CrawlerRetired, c.State == fleet.CrawlerDraining && c.Leased == 0:
			need--
		case need > 0 && c.State == fleet.CrawlerServing && c.Leased == 0:
			need--
			if err := w.drain(c, idleRoom, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted reports whether a crawler is where tickets want to be.
func wanted(c fleet.CrawlerRow, by []fleet.Place) bool {
	o := fleet.Offering{Provider: c.Provider, Country: c.Country, Region: c.Region}
	for _, p := range by {
		if plan.Fits(o, p) {
			return true
		}
	}
	return false
}

// plural writes a number of things.
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
