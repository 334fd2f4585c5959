package controldb

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// keepLedger is how long the ledger and the audit trail are kept at least: a year and
// what it takes to close its books.
const keepLedger = 400 * 24 * time.Hour

// Expired implements fleet.Control.
func (s *Store) Expired(ctx context.Context, limit int) (out []fleet.TicketRef, err error) {
	err = s.read(ctx, "list expired results", func(w *work) error {
		return w.eachTenant(func(t tenantRow) error {
			if len(out) >= limit {
				return nil
			}
			more, err := list(w, `SELECT tenant, ticket FROM tickets WHERE tenant = ?
				AND state = 'ended' AND forgotten = 0 AND ended_at <= ? ORDER BY ended_at LIMIT ?`,
				[]any{t.ID, w.before(t.Plan.Keep.Results.Std()), limit - len(out)},
				func(r scanner, ref *fleet.TicketRef) error { return r.Scan(&ref.Tenant, &ref.Ticket) })
			out = append(out, more...)
			return err
		})
	})
	return out, err
}

// Forgotten implements fleet.Control. A ticket that was opened again in the meantime
// has results again.
func (s *Store) Forgotten(ctx context.Context, r fleet.TicketRef) error {
	return s.write(ctx, "note forgotten results", func(w *work) error {
		_, err := w.Exec(`UPDATE tickets SET forgotten = 1
			WHERE tenant = ? AND ticket = ? AND state = 'ended'`, r.Tenant, r.Ticket)
		return err
	})
}

// Forgettable implements fleet.Control.
func (s *Store) Forgettable(ctx context.Context, limit int) (out []fleet.CrawlerRow, err error) {
	err = s.read(ctx, "list forgettable crawlers", func(w *work) error {
		return w.eachTenant(func(t tenantRow) error {
			if len(out) >= limit {
				return nil
			}
			rows, err := list(w, crawlerColumns+`WHERE tenant = ? AND state = 'gone' AND purged = 0
				AND gone_at <= ? AND booked = 1 ORDER BY gone_at LIMIT ?`,
				[]any{t.ID, w.before(t.Plan.Keep.Logs.Std()), limit - len(out)}, scanCrawler)
			for _, c := range rows {
				out = append(out, c.CrawlerRow)
			}
			return err
		})
	})
	return out, err
}

// Purged implements fleet.Control.
func (s *Store) Purged(ctx context.Context, g fleet.GUID) error {
	return s.write(ctx, "note a purge", func(w *work) error {
		_, err := w.Exec(`UPDATE crawlers SET purged = 1 WHERE guid = ? AND state = 'gone'`, g)
		return err
	})
}

// idleSession is the condition that a session s was bound before a moment, and has only
// tickets that had ended by then.
const idleSession = ` s.bound_at <= ? AND NOT EXISTS (SELECT 1 FROM tickets t
	WHERE t.tenant = s.tenant AND t.session_key = s.key AND NOT (t.state = 'ended' AND t.ended_at <= ?))`

// ExpiredSessions implements fleet.Keeper.
func (s *Store) ExpiredSessions(ctx context.Context, limit int) (out []fleet.SessionRef, err error) {
	err = s.read(ctx, "list expired sessions", func(w *work) error {
		return w.eachTenant(func(t tenantRow) error {
			if len(out) >= limit {
				return nil
			}
			before := w.before(t.Plan.Keep.Rows.Std())
			more, err := list(w, `SELECT s.tenant, s.key FROM sessions s WHERE s.tenant = ? AND`+idleSession+
				` ORDER BY s.key LIMIT ?`, []any{t.ID, before, before, limit - len(out)},
				func(r scanner, ref *fleet.SessionRef) error { return r.Scan(&ref.Tenant, &ref.Key) })
			out = append(out, more...)
			return err
		})
	})
	return out, err
}

// SessionForgotten implements fleet.Keeper.
func (s *Store) SessionForgotten(ctx context.Context, r fleet.SessionRef) error {
	return s.write(ctx, "note a forgotten session", func(w *work) error {
		t, err := w.tenant(r.Tenant)
		if err != nil {
			return err
		}
		before := w.before(t.Plan.Keep.Rows.Std())
		_, err = w.Exec(`DELETE FROM sessions AS s WHERE s.tenant = ? AND s.key = ? AND`+idleSession,
			r.Tenant, r.Key, before, before)
		return err
	})
}

// eachTenant calls f for every tenant, in the order of their names.
func (w *work) eachTenant(f func(tenantRow) error) error {
	all, err := w.tenants(`ORDER BY t.tenant`)
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := f(t); err != nil {
			return err
		}
	}
	return nil
}

// before is the moment so long ago, as columns hold it.
func (w *work) before(d time.Duration) int64 { return store.Micros(w.now.Add(-d)) }
