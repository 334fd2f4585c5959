package fleet

import "time"

// Lease is a ticket's hold on one slot of one crawler. Its epoch only rises over
// the life of a ticket id.
type Lease struct {
	Tenant   TenantID   `json:"tenant"`
	Ticket   TicketID   `json:"ticket"`
	GUID     GUID       `json:"guid"`
	Epoch    int64      `json:"epoch"`
	Offering OfferingID `json:"offering"`
	Address  string     `json:"address,omitempty"`
	Warm     bool       `json:"warm"` // the crawler was serving when the ticket came
	TakenAt  time.Time  `json:"takenAt"`
	// Until is when the ticket has cost its maxCost; zero without one.
	Until time.Time `json:"until,omitzero"`
}

// WaitCode says what a ticket waits for.
type WaitCode string

// What a ticket may wait for.
const (
	WaitStarting  WaitCode = "starting"   // a crawler is being started for it
	WaitSlot      WaitCode = "slot"       // all slots are taken; the plan allows no more crawlers
	WaitSlots     WaitCode = "plan_slots" // the plan's MaxSlots are in use
	WaitSession   WaitCode = "session"    // its session's crawler or address is busy
	WaitCapacity  WaitCode = "capacity"   // every fitting offering is full
	WaitCooldown  WaitCode = "cooldown"   // every fitting offering cools down after an error
	WaitNoPlace   WaitCode = "no_place"   // no offering fits the ticket's place at all
	WaitUnplaced  WaitCode = "unplaced"   // too many launches are under way on the account
	WaitTenant    WaitCode = "tenant"     // the tenant is still being provisioned
	WaitConductor WaitCode = "conductor"  // the conductor has been told and has not decided yet
	WaitScheduled WaitCode = "scheduled"  // its startAt has not come
	WaitPaused    WaitCode = "paused"     // somebody paused it
	WaitSuspended WaitCode = "suspended"  // its tenant is suspended
	WaitBanned    WaitCode = "banned"     // every address that fits is banned at a host of it
	WaitAddress   WaitCode = "address"    // the address that it asks for, or any unused one, is in use
	WaitSpend     WaitCode = "spend_cap"  // the tenant has spent its plan's MaxSpend of this month
)

// Attention reports whether only a person can end such a wait: the ticket's webhooks
// are told.
func (c WaitCode) Attention() bool {
	switch c {
	case WaitNoPlace, WaitSpend:
		return true
	default:
		return false
	}
}

// Wait is why a ticket waits, for programs and for people.
type Wait struct {
	Code    WaitCode  `json:"code"`
	Message string    `json:"message"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"` // when it is worth asking again, where that is known
}

// RouteKind says what Route answered.
type RouteKind string

// The answers of Route.
const (
	RouteLeased   RouteKind = "leased"   // Lease is set: crawl there
	RouteWait     RouteKind = "wait"     // Wait is set: wait for granted or the timer
	RouteFinished RouteKind = "finished" // Result is set: the id has ended with this content before
	// RouteFence asks the caller to raise the tenant's fence to Epoch and to route again
	// with Fenced set to it: the ticket held a lease before.
	RouteFence RouteKind = "fence"
)

// RouteRequest accepts a ticket and asks for a lease. Every call may be repeated.
type RouteRequest struct {
	Input      TicketInput `json:"input"` // normalised, with its id
	WorkflowID string      `json:"workflowId"`
	RunID      string      `json:"runId"`
	// Fenced is the epoch that the tenant's fence has been raised to.
	Fenced int64 `json:"fenced,omitempty"`
	// Lost is the epoch of the lease that the caller lost, and Why the code:
	// crawler_lost, draining, or timeout (the crawler did not take the crawl).
	Lost int64 `json:"lost,omitempty"`
	Why  Code  `json:"why,omitempty"`
	// Pause, where it is set, says that the ticket is paused and by whom and why: its
	// slot is given back, and it waits until a request comes without it.
	Pause *SteerRequest `json:"pause,omitempty"`
	// Resume says who lets a paused ticket go on, and why. Any request without Pause
	// lets it go on; this is for the audit trail and the decision's text.
	Resume *SteerRequest `json:"resume,omitempty"`
}

// RouteAnswer is what Route decided.
type RouteAnswer struct {
	// Version chooses the Ticket workflow's behaviour; it is recorded with the answer.
	Version int           `json:"version"`
	Kind    RouteKind     `json:"kind"`
	Tenant  TenantID      `json:"tenant"`
	Ticket  TicketID      `json:"ticket"`
	Lease   *Lease        `json:"lease,omitempty"`
	Wait    *Wait         `json:"wait,omitempty"`
	Result  *TicketResult `json:"result,omitempty"`
	Epoch   int64         `json:"epoch,omitempty"` // with RouteFence
	// Reopen, with RouteFence, says that this is another attempt: the closed crawl
	// is reopened at Epoch instead of its fence being raised.
	Reopen   bool      `json:"reopen,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
	// Tell says that the Conductor has to be signalled, and with Seq that it was
	// (Control.Told): thousands of tickets must not flood one history.
	Tell bool  `json:"tell,omitempty"`
	Seq  int64 `json:"seq,omitempty"`
	// Deliveries are webhooks whose Delivery workflow is to be started: the ticket waits
	// for something that only a person can change.
	Deliveries []DeliveryRef `json:"deliveries,omitempty"`
	// Cold, with Tell, says that no crawler of the tenant serves or is coming: whoever
	// asked may have it decided at once, without the Conductor.
	Cold bool `json:"cold,omitempty"`
}

// Intent is the written intent to end a ticket: the first of the three steps that
// touch both databases (intent, fence, end).
type Intent struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
	// WorkflowID is the workflow that ends it; another one's open ticket is a conflict.
	WorkflowID string  `json:"workflowId,omitempty"`
	Outcome    Outcome `json:"outcome"`
	Reason     string  `json:"reason,omitempty"`
	Error      *Error  `json:"error,omitempty"`
}

// RecordRequest ends a ticket: its slot is given back, its final row, ledger line
// and decision are written, freed slots go to those who wait.
type RecordRequest struct {
	Tenant     TenantID `json:"tenant"`
	Ticket     TicketID `json:"ticket"`
	WorkflowID string   `json:"workflowId"`
	Epoch      int64    `json:"epoch,omitempty"` // of the last lease, 0 without one
	Outcome    Outcome  `json:"outcome"`
	Reason     string   `json:"reason,omitempty"`
	Counters   Counters `json:"counters"`
	Error      *Error   `json:"error,omitempty"`
}

// RecordAnswer is the ticket's result and who has to be told of a granted slot.
type RecordAnswer struct {
	Result TicketResult `json:"result"`
	Follow Follow       `json:"follow,omitzero"`
}

// Grant is a slot handed to a waiting ticket: its lease is taken already.
type Grant struct {
	Tenant     TenantID `json:"tenant"`
	Ticket     TicketID `json:"ticket"`
	WorkflowID string   `json:"workflowId"`
	Epoch      int64    `json:"epoch"`
}

// Follow is what has to be told after a transaction has been committed. All of it
// are hints that may be repeated or lost: timers ask anyway.
type Follow struct {
	// Grants are told by the signal granted; a grant to a closed workflow is
	// given back with Control.Ungrant, which may grant to the next.
	Grants []Grant `json:"grants,omitempty"`
	// Conductors are the tenants whose Conductor is signalled with start.
	Conductors []TenantID `json:"conductors,omitempty"`
	// Drains are crawlers that are out of every route and have to be told so: they
	// drain as the request says. A repeat names those again that have not heard it.
	Drains []CrawlerDrain `json:"drains,omitempty"`
	// Deliveries are webhooks whose Delivery workflow is to be started.
	Deliveries []DeliveryRef `json:"deliveries,omitempty"`
}
