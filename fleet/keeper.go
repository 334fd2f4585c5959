package fleet

import (
	"context"
	"time"
)

// Keeper is what the control worker does in the background with rows alone: it holds
// spend caps and forgets what need not be kept.
type Keeper interface {
	// HoldSpend drains the crawlers of tenants that have reached their spend cap, what
	// runs now included, and tells the Conductors of those whose month is new or whose
	// cap was raised. It may be called as often as wanted.
	HoldSpend(ctx context.Context) (Follow, error)
	// Expired lists ended tickets whose results are past their tenant's Keep.Results
	// and were not forgotten yet, at most limit.
	Expired(ctx context.Context, limit int) ([]TicketRef, error)
	// Forgotten notes that a ticket's results are gone.
	Forgotten(ctx context.Context, r TicketRef) error
	// Forgettable lists gone crawlers past their tenant's Keep.Logs whose log and
	// record at the provider were not removed yet, at most limit; Purged notes that
	// they are.
	Forgettable(ctx context.Context, limit int) ([]CrawlerRow, error)
	Purged(ctx context.Context, g GUID) error
	// Prune removes up to limit rows of each table that are past Keep.Rows (the ledger:
	// 400 days at least), and answers how many, by table.
	Prune(ctx context.Context, limit int) (map[string]int64, error)
}

// TicketRef names one ticket.
type TicketRef struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
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
	Held          int                   `json:"held"` // tenants at their spend cap
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
