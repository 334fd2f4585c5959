package controldb

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Retire implements fleet.Control.
func (s *Store) Retire(ctx context.Context, g fleet.GUID) (a fleet.RetireAnswer, err error) {
	err = s.write(ctx, "retire", func(w *work) error {
		// The one statement: whoever leases first keeps the crawler, whoever retires
		// first has it out of every route. A proof serves nobody and has no idle time.
		n, err := w.Exec(`UPDATE crawlers SET state = 'retired', reason = 'idle', retired_at = ?
			WHERE guid = ? AND state = 'serving' AND leased = 0
				AND (proof = 1 OR idle_from <= ? - idle_after)
				AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.guid = crawlers.guid)`,
			store.Micros(w.now), g, store.Micros(w.now))
		if err != nil {
			return err
		}
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		if n > 0 {
			a.Done = true
			reason := fmt.Sprintf("it was idle for %s", brief(w.now.Sub(c.Times.IdleFrom)))
			if c.Proof {
				reason = "it has proved what it was started for"
			}
			return w.decided(c.Tenant, "", g, fleet.DecidedRetire, told(&c, fleet.CrawlerRetired, fleet.DecidedRetire, reason))
		}
		return w.retireLater(&c, &a)
	})
	return a, err
}

// retireLater says why a crawler was not retired, or that it needed not to be.
func (w *work) retireLater(c *crawlerRow, a *fleet.RetireAnswer) error {
	a.Leases = c.Leased
	switch c.State {
	case fleet.CrawlerRetired, fleet.CrawlerGone:
		a.Done = true
	case fleet.CrawlerDraining:
		return w.drained(c, a)
	default:
		a.Left = fleet.Duration(c.idleAfter)
		if c.Times.IdleFrom.After(w.now) { // the clock was set back: it is idle from now, not from then
			_, err := w.Exec(`UPDATE crawlers SET idle_from = ? WHERE guid = ?`, store.Micros(w.now), c.GUID)
			return err
		}
		if c.State == fleet.CrawlerServing && c.Leased == 0 {
			a.Left = fleet.Duration(max(c.Times.IdleFrom.Add(c.idleAfter).Sub(w.now), time.Millisecond))
		}
	}
	return nil
}

// Drain implements fleet.Control. A crawler without leases is retired at once.
func (s *Store) Drain(
	ctx context.Context, g fleet.GUID, reason string,
) (a fleet.RetireAnswer, err error) {
	err = s.write(ctx, "drain", func(w *work) error {
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		switch c.State {
		case fleet.CrawlerRetired, fleet.CrawlerGone:
			a.Done = true
		case fleet.CrawlerDraining:
		default:
			if err := w.setCrawler(&c, fleet.CrawlerDraining, fleet.DecidedDrain, reason); err != nil {
				return err
			}
		}
		if err := w.drained(&c, &a); err != nil {
			return err
		}
		if a.Follow.Conductors, err = w.ifWaiting(c.Tenant); err != nil {
			return err
		}
		_, err = w.Exec(`UPDATE crawlers SET drain_heard = 1 WHERE guid = ? AND drain_heard = 0`, g)
		return err
	})
	return a, err
}

// drained retires a draining crawler whose last lease has been given back.
func (w *work) drained(c *crawlerRow, a *fleet.RetireAnswer) error {
	a.Leases = c.Leased
	if c.State != fleet.CrawlerDraining || c.Leased > 0 {
		return nil
	}
	a.Done = true
	return w.setCrawler(c, fleet.CrawlerRetired, fleet.DecidedRetire, c.Reason)
}

// drain takes a crawler out of every route; its workflow has to be told (drains). One
// whose workflow is not known to run is gone at once, and its books are closed:
// Launching refuses it, so that it never costs anything. Of several drains the one that
// gives the tickets the least time counts.
func (w *work) drain(c *crawlerRow, reason string, grace time.Duration) error {
	grace = cmp.Or(grace, fleet.GraceDefault)
	switch c.State {
	case fleet.CrawlerReserved:
		if _, err := w.Exec(`UPDATE crawlers SET booked = 1 WHERE guid = ?`, c.GUID); err != nil {
			return err
		}
		return w.setCrawler(c, fleet.CrawlerGone, fleet.DecidedDrain, reason)
	case fleet.CrawlerDraining:
		_, err := w.Exec(`UPDATE crawlers SET drain_grace = ?, drain_heard = 0, reason = ?
			WHERE guid = ? AND (drain_grace > ? OR drain_grace = 0)`,
			grace.Microseconds(), reason, c.GUID, grace.Microseconds())
		return err
	default:
		if _, err := w.Exec(`UPDATE crawlers SET drain_grace = ?, drain_heard = 0 WHERE guid = ?`,
			grace.Microseconds(), c.GUID); err != nil {
			return err
		}
		return w.setCrawler(c, fleet.CrawlerDraining, fleet.DecidedDrain, reason)
	}
}

// drains lists the tenant's crawlers, all tenants' when it is empty, whose workflow has
// not heard that they drain.
func (w *work) drains(t fleet.TenantID) ([]fleet.CrawlerDrain, error) {
	query, args := drainsOfAll, []any(nil)
	if t != "" {
		query, args = drainsOfAll+` AND tenant = ?`, []any{t}
	}
	return list(w, query+` ORDER BY tenant, guid`, args,
		func(r scanner, d *fleet.CrawlerDrain) error {
			var grace int64
			err := r.Scan(&d.Tenant, &d.GUID, &d.Reason, &grace)
			d.Grace = length(grace)
			return err
		})
}

const drainsOfAll = `SELECT tenant, guid, reason, drain_grace FROM crawlers
	WHERE state <> 'gone' AND state = 'draining' AND drain_heard = 0`
