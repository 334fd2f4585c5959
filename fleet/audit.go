package fleet

import (
	"context"
	"time"
)

// AuditRecord is one thing that somebody did to a tenant or the fleet.
type AuditRecord struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Tenant TenantID  `json:"tenant,omitempty"`
	Actor  string    `json:"actor"`  // user@host as the door told it; "" where it told none
	Action string    `json:"action"` // "tenant suspend", "key revoke", …
	Detail string    `json:"detail,omitempty"`
	// Leftover is set on a line that is about a machine or a row without the other.
	Leftover *Leftover `json:"leftover,omitempty"`
}

// AuditFilter restricts a list of audit records; zero fields do not. Limit 0 is 100.
type AuditFilter struct {
	Tenant TenantID
	Since  time.Time
	Limit  int
}

// AuditDesk keeps the audit trail. Desks that change something for a person write
// theirs in the same transaction; this is for what happens elsewhere.
type AuditDesk interface {
	Audit(ctx context.Context, r AuditRecord) error
}

// AuditReader lists the audit trail, newest first.
type AuditReader interface {
	AuditTrail(ctx context.Context, f AuditFilter) ([]AuditRecord, error)
}
