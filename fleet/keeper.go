package fleet

import (
	"context"
	"time"
)

// Keeper is what the control worker does in the background with rows alone: it holds
// spend caps and forgets what need not be kept.
type Keeper interface {
	// HoldSpend drains the crawlers of tenants that have reached their spend cap: this
	// month's ledger in the cap's currency and what its crawlers have cost since without
	// being booked yet. Their tickets wait (spend_cap) and their webhooks are told. It
	// tells the Conductors of those whose month is new or whose cap was raised. It may
	// be called as often as wanted; between two calls a tenant can go over its cap by
	// what it costs in that time.
	HoldSpend(ctx context.Context) (Follow, error)
	// Expired lists ended tickets whose results are past their tenant's Keep.Results
	// and were not forgotten yet, at most limit, the oldest of each tenant first.
	Expired(ctx context.Context, limit int) ([]TicketRef, error)
	// Forgotten notes that a ticket's results are gone.
	Forgotten(ctx context.Context, r TicketRef) error
	// Forgettable lists gone crawlers past their tenant's Keep.Logs whose log and
	// record at the provider were not removed yet, at most limit; Purged notes that
	// they are.
	Forgettable(ctx context.Context, limit int) ([]CrawlerRow, error)
	Purged(ctx context.Context, g GUID) error
	// ExpiredSessions lists sessions past their tenant's Keep.Rows: bound to their crawler so
	// long ago, and no ticket of theirs that has not ended so long ago; at most limit.
	// SessionForgotten notes that what one carries is gone, and removes what bound it; one
	// that has come back in the meantime is left alone.
	ExpiredSessions(ctx context.Context, limit int) ([]SessionRef, error)
	SessionForgotten(ctx context.Context, r SessionRef) error
	// Prune removes rows that are past Keep.Rows, and answers how many, by table: up to
	// limit tickets and crawlers of each tenant, with their decisions and deliveries, and
	// keys that are over; audit records and ledger lines only after 400 days at least. A
	// ticket stays until its results are forgotten, a crawler until it is purged, a
	// ledger line until its ticket is gone: what a ticket cost is the sum of its lines.
	Prune(ctx context.Context, limit int) (map[string]int64, error)
}

// TicketRef names one ticket.
type TicketRef struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
}

// SessionRef names one session.
type SessionRef struct {
	Tenant TenantID
	Key    SessionKey
}

// Purger is a provider that keeps something of a finished crawler (a log, a record).
// After Purge a Launch of the same key would run again: it is for keys whose rows are
// closed for ever. A crawler that still runs is refused; an unknown one is not an error.
type Purger interface {
	Purge(ctx context.Context, k Key) error
}

// Gauges are the few figures that an operator acts on. They carry no tenant.
type Gauges struct {
	Tenants       map[TenantState]int   `json:"tenants"`
	Crawlers      map[CrawlerState]int  `json:"crawlers"`
	Tickets       map[TicketState]int   `json:"tickets"` // not ended
	Waiting       map[WaitCode]int      `json:"waiting"`
	OldestWaiting time.Time             `json:"oldestWaiting,omitzero"` // waits for capacity, a slot or a start
	Leases        int                   `json:"leases"`
	Slots         int                   `json:"slots"`      // of serving crawlers
	Deliveries    map[DeliveryState]int `json:"deliveries"` // pending and set aside
	Cooldowns     int                   `json:"cooldowns"`
	Held          int                   `json:"held"`   // tenants at their spend cap
	Banned        int                   `json:"banned"` // addresses that a host refuses, by tenant
	// Leftovers are the last comparison's by provider; Unlisted the providers whose last
	// list failed.
	Leftovers map[ProviderKind]int `json:"leftovers"`
	Unlisted  int                  `json:"unlisted"`
}

// GaugeReader answers the gauges in one read.
type GaugeReader interface {
	Gauges(ctx context.Context) (Gauges, error)
}

// TraceReader finds what still carries a tenant's name, by table or place: the proof
// of a deletion. Zero counts are left out.
type TraceReader interface {
	Traces(ctx context.Context, t TenantID) (map[string]int64, error)
}
