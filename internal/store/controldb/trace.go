package controldb

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Traces implements fleet.Control: the rows that carry the tenant's name, by table. The
// ledger's lines are among them; they are what a deletion leaves.
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
			{"keys", `SELECT count(*) FROM keys WHERE tenant = ?`},
			{"audit", `SELECT count(*) FROM audit WHERE tenant = ?`},
			{"ledger", `SELECT count(*) FROM ledger WHERE tenant = ?`},
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
