package fleet

import "time"

// LedgerKind says what a ledger line pays for.
type LedgerKind string

// The kinds of ledger lines.
const (
	LedgerSlot  LedgerKind = "slot"  // the ticket's own time on a slot
	LedgerStart LedgerKind = "start" // its share of the crawler's cold start
	LedgerIdle  LedgerKind = "idle"  // its share of the crawler's idle time and rounding
	// LedgerUnused is the whole of a crawler that served nobody: the tenant's line.
	LedgerUnused LedgerKind = "unused"
)

// LedgerLine is one line of the bill. Lines are only ever added, and are kept
// when the tenant is deleted.
type LedgerLine struct {
	Seq      int64      `json:"seq"`
	At       time.Time  `json:"at"`
	Tenant   TenantID   `json:"tenant"`
	Ticket   TicketID   `json:"ticket,omitempty"`
	GUID     GUID       `json:"guid"`
	Offering OfferingID `json:"offering"`
	Kind     LedgerKind `json:"kind"`
	Time     Duration   `json:"time"`
	Amount   Money      `json:"amount"`
}

// Bill is what a ticket cost: the sum of its ledger lines.
type Bill struct {
	Tenant TenantID     `json:"tenant"`
	Ticket TicketID     `json:"ticket,omitempty"` // empty for a whole tenant
	Total  Money        `json:"total"`
	Lines  []LedgerLine `json:"lines,omitempty"`
	// Final is false while a crawler that served it still runs: its shares of the
	// start and of the idle time are not known yet.
	Final bool `json:"final"`
}
