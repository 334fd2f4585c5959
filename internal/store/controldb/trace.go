package controldb

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// EraseTenant implements fleet.Control. Only the ledger's lines are kept.
func (s *Store) EraseTenant(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	removed := map[string]int64{}
	err := s.write(ctx, "erase tenant", func(w *work) error {
		for _, table := range []struct{ name, query string }{
			{"leases", `DELETE FROM leases WHERE tenant = ?`}, // before the crawlers that they refer to
			{"tickets", `DELETE FROM tickets WHERE tenant = ?`},
			{"sessions", `DELETE FROM sessions WHERE tenant = ?`},
			{"crawlers", `DELETE FROM crawlers WHERE tenant = ?`},
			{"decisions", `DELETE FROM decisions WHERE tenant = ?`},
			{"deliveries", `DELETE FROM deliveries WHERE tenant = ?`},
			{"egress", `DELETE FROM egress WHERE tenant = ?`},
			{"leftovers", `DELETE FROM leftovers WHERE tenant = ?`},
			{"keys", `DELETE FROM keys WHERE tenant = ?`},
			{"audit", `DELETE FROM audit WHERE tenant = ?`},
			{"plans", `DELETE FROM plans WHERE tenant = ?`},
			{"tenants", `DELETE FROM tenants WHERE tenant = ?`},
		} {
			n, err := w.Exec(table.query, t)
			if err != nil {
				return err
			}
			removed[table.name] = n
		}
		return nil
	})
	return removed, err
}

// Traces implements fleet.Control: the rows that carry the tenant's name, by table, but
// the ledger's, which a deletion leaves.
func (s *Store) Traces(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	found := map[string]int64{}
	err := s.read(ctx, "look for traces", func(w *work) error {
		for _, q := range []struct{ table, query string }{
			{"tenants", `SELECT count(*) FROM tenants WHERE tenant = ?`},
			{"plans", `SELECT count(*) FROM plans WHERE tenant = ?`},
			{"tickets", `SELECT count(*) FROM tickets WHERE tenant = ?`},
			{"leases", `SELECT count(*) FROM leases WHERE tenant = ?`},
			{"sessions", `SELECT count(*) FROM sessions WHERE tenant = ?`},
			{"crawlers", `SELECT count(*) FROM crawlers WHERE tenant = ?`},
			{"decisions", `SELECT count(*) FROM decisions WHERE tenant = ?`},
			{"deliveries", `SELECT count(*) FROM deliveries WHERE tenant = ?`},
			{"egress", `SELECT count(*) FROM egress WHERE tenant = ?`},
			{"leftovers", `SELECT count(*) FROM leftovers WHERE tenant = ?`},
			{"keys", `SELECT count(*) FROM keys WHERE tenant = ?`},
			{"audit", `SELECT count(*) FROM audit WHERE tenant = ?`},
		} {
			var n int64
			if err := w.One(q.query, []any{t}, &n); err != nil {
				return err
			}
			if n > 0 {
				found[q.table] = n
			}
		}
		return nil
	})
	return found, err
}
