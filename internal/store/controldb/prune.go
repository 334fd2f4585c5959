package controldb

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Prune implements fleet.Control. Each tenant is a transaction of its own.
func (s *Store) Prune(ctx context.Context, limit int) (map[string]int64, error) {
	removed := map[string]int64{}
	var tenants []tenantRow
	var billed []fleet.TenantID
	err := s.read(ctx, "prune", func(w *work) (err error) {
		if tenants, err = w.tenants(`ORDER BY t.tenant`); err != nil {
			return err
		}
		billed, err = w.billed()
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := map[fleet.TenantID]time.Duration{}
	for _, t := range tenants {
		rows[t.ID] = t.Plan.Keep.Rows.Std()
		if err := s.write(ctx, "prune", func(w *work) error {
			return pruning{w, t.ID, w.before(rows[t.ID]), limit, removed}.tenant()
		}); err != nil {
			return nil, err
		}
	}
	for _, t := range append(billed, "") { // erased tenants, and the fleet's own audit trail, too
		if err := s.write(ctx, "prune", func(w *work) error {
			return pruning{w, t, w.before(max(rows[t], keepLedger)), limit, removed}.books()
		}); err != nil {
			return nil, err
		}
	}
	return removed, nil
}

// billed lists the tenants that the ledger knows, one step of the index for each.
func (w *work) billed() (out []fleet.TenantID, err error) {
	for last := fleet.TenantID(""); ; {
		next, err := list(w, `SELECT tenant FROM ledger WHERE tenant > ? ORDER BY tenant LIMIT 1`,
			[]any{last}, func(r scanner, t *fleet.TenantID) error { return r.Scan(t) })
		if err != nil || len(next) == 0 {
			return out, err
		}
		last = next[0]
		out = append(out, last)
	}
}

// pruning removes what is older than a moment of one tenant.
type pruning struct {
	*work
	t       fleet.TenantID
	before  int64
	limit   int
	removed map[string]int64
}

func (p pruning) tenant() error {
	tickets, err := list(p.work, `SELECT ticket FROM tickets WHERE tenant = ? AND state = 'ended'
		AND forgotten = 1 AND ended_at <= ? ORDER BY ended_at LIMIT ?`, []any{p.t, p.before, p.limit},
		func(r scanner, id *fleet.TicketID) error { return r.Scan(id) })
	if err != nil {
		return err
	}
	for _, id := range tickets {
		for _, q := range []struct{ table, query string }{
			{"decisions", `DELETE FROM decisions WHERE tenant = ? AND ticket = ? AND ticket <> ''`},
			{"deliveries", `DELETE FROM deliveries WHERE tenant = ? AND ticket = ?`},
			{"tickets", `DELETE FROM tickets WHERE tenant = ? AND ticket = ?`},
		} {
			if err := p.run(q.table, q.query, p.t, id); err != nil {
				return err
			}
		}
	}
	crawlers, err := list(p.work, `SELECT guid FROM crawlers WHERE tenant = ? AND state = 'gone'
		AND purged = 1 AND gone_at <= ? ORDER BY gone_at LIMIT ?`, []any{p.t, p.before, p.limit},
		func(r scanner, g *fleet.GUID) error { return r.Scan(g) })
	if err != nil {
		return err
	}
	for _, g := range crawlers {
		if err := p.run("decisions", `DELETE FROM decisions WHERE guid = ? AND ticket = '' AND guid <> ''`,
			g); err != nil {
			return err
		}
		if err := p.run("crawlers", `DELETE FROM crawlers WHERE guid = ?`, g); err != nil {
			return err
		}
	}
	if err := p.addresses(); err != nil {
		return err
	}
	return p.run("keys", `DELETE FROM keys WHERE tenant = ? AND (revoked_at > 0 AND revoked_at <= ?
		OR expires_at > 0 AND expires_at <= ?)`, p.t, p.before, p.before)
}

// addresses forgets what was not used for long, and of what is left all but the last.
func (p pruning) addresses() error {
	now := store.Micros(p.work.now)
	if err := p.run("egress", `DELETE FROM egress WHERE (tenant, host, address) IN (
		SELECT tenant, host, address FROM egress WHERE tenant = ? AND used_at <= ? AND until <= ? LIMIT ?)`,
		p.t, p.work.before(p.s.o.Egress.Remember), now, p.limit); err != nil {
		return err
	}
	return p.run("egress", `DELETE FROM egress WHERE (tenant, host, address) IN (
		SELECT tenant, host, address FROM egress WHERE tenant = ? AND until <= ?
		ORDER BY used_at DESC, host, address LIMIT ? OFFSET ?)`, p.t, now, p.limit, egressMost)
}

// books removes what is kept longest.
func (p pruning) books() error {
	if err := p.run("audit", `DELETE FROM audit WHERE seq IN (SELECT seq FROM audit
		WHERE tenant = ? AND at <= ? ORDER BY at LIMIT ?)`, p.t, p.before, p.limit); err != nil {
		return err
	}
	return p.run("ledger", `DELETE FROM ledger WHERE seq IN (SELECT l.seq FROM ledger l
		WHERE l.tenant = ? AND l.at <= ?
			AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.tenant = l.tenant AND t.ticket = l.ticket)
			AND NOT EXISTS (SELECT 1 FROM crawlers c WHERE c.guid = l.guid)
		ORDER BY l.at LIMIT ?)`, p.t, p.before, p.limit)
}

func (p pruning) run(table, query string, args ...any) error {
	n, err := p.Exec(query, args...)
	if n > 0 {
		p.removed[table] += n
	}
	return err
}
