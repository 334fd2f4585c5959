package controldb

import (
	"cmp"
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// audited writes what somebody did into the audit trail.
func (w *work) audited(t fleet.TenantID, actor, action, detail string) error {
	_, err := w.Exec(`INSERT INTO audit (at, tenant, actor, action, detail) VALUES (?, ?, ?, ?, ?)`,
		store.Micros(w.now), t, actor, action, detail)
	return err
}

// Audit implements fleet.Control. The store gives the record its number and moment.
func (s *Store) Audit(ctx context.Context, r fleet.AuditRecord) error {
	if r.Action == "" {
		return fleet.Invalid("action", "is missing", `what was done, such as "fleet backup"`)
	}
	return s.write(ctx, "audit", func(w *work) error {
		return w.audited(r.Tenant, r.Actor, r.Action, r.Detail)
	})
}

// AuditTrail implements fleet.Reader.
func (s *Store) AuditTrail(
	ctx context.Context, f fleet.AuditFilter,
) (out []fleet.AuditRecord, err error) {
	const columns = `SELECT seq, at, tenant, actor, action, detail FROM audit `
	query, args := columns+`WHERE at >= ? ORDER BY seq DESC LIMIT ?`, []any{store.Micros(f.Since)}
	if f.Tenant != "" {
		query = columns + `WHERE at >= ? AND tenant = ? ORDER BY at DESC, seq DESC LIMIT ?`
		args = append(args, f.Tenant)
	}
	err = s.read(ctx, "list the audit trail", func(w *work) error {
		out, err = list(w, query, append(args, cmp.Or(max(f.Limit, 0), defaultLimit)),
			func(r scanner, a *fleet.AuditRecord) error {
				var at int64
				err := r.Scan(&a.Seq, &at, &a.Tenant, &a.Actor, &a.Action, &a.Detail)
				a.At = store.Moment(at)
				return err
			})
		return err
	})
	return out, err
}
