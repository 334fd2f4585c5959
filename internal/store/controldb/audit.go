package controldb

import (
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// audited writes what somebody did into the audit trail.
func (w *work) audited(t fleet.TenantID, actor, action, detail string) error {
	_, err := w.Exec(`INSERT INTO audit (at, tenant, actor, action, detail) VALUES (?, ?, ?, ?, ?)`,
		store.Micros(w.now), t, actor, action, detail)
	return err
}
