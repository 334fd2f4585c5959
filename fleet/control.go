package fleet

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Control is the dispatcher's memory as the activities use it. Each method is one
// transaction, may be repeated with the same arguments without doing anything
// twice, and is safe for concurrent use. Errors that the caller can do something
// about are *Error; all others are passing (the database is away).
type Control interface {
	TicketDesk
	OfferingDesk
	EgressDesk
	LeftoverDesk
	CrawlerDesk
	TenantDesk
	KeyDesk
	AuditDesk
	DeliveryDesk
	Keeper
	Mender
	GaugeReader
	TraceReader
}

// TicketDesk is what Ticket and Conductor need.
type TicketDesk interface {
	// Route accepts a ticket and leases a slot, or says why it waits. It refuses
	// with not_found (tenant), conflict (same id, other content; Field names what
	// differs), tenant_not_ready, invalid.
	Route(ctx context.Context, r RouteRequest) (RouteAnswer, error)
	// Told remembers that the Conductor was signalled for the decision round seq.
	Told(ctx context.Context, t TenantID, seq int64) error
	// Intend writes how a ticket is about to end, before its fence is raised. It
	// answers the intent that counts: the first one written.
	Intend(ctx context.Context, i Intent) (Intent, error)
	// Record ends a ticket. A repeat answers the stored result and the same grants.
	Record(ctx context.Context, r RecordRequest) (RecordAnswer, error)
	// Ungrant gives back a granted slot whose ticket turned out to be closed, and
	// hands it to the next.
	Ungrant(ctx context.Context, g Grant) (Follow, error)
	// Decide observes, plans and reserves for one tenant, and records why.
	Decide(ctx context.Context, t TenantID) (Decision, error)
	// Leases lists the leases older than age, for the reaper.
	Leases(ctx context.Context, age time.Duration) ([]LeaseRow, error)
	// Unfinished lists tickets whose row is closing, or waiting or running without
	// being told of for age: their workflow may be gone.
	Unfinished(ctx context.Context, age time.Duration) ([]TicketRow, error)
	// Overlooked lists the tenants whose Conductor should have acted, and has not for age:
	// a ticket waits for a decision, or for a moment that has passed, or a crawler is
	// reserved and not started. It may have been terminated. It also lists those with a
	// crawler that drains and has not heard so: their Conductor's decision tells it.
	Overlooked(ctx context.Context, age time.Duration) ([]TenantID, error)
}

// LeaseRow is a lease with the workflow that holds it.
type LeaseRow struct {
	Lease
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Granted    bool   `json:"granted"` // handed over and not yet picked up
}

// ActivityCrawlID is the activity id of a ticket's Crawl under a lease: Bury fails it by this id.
func ActivityCrawlID(epoch int64) string { return crawlID + strconv.FormatInt(epoch, 10) }

// ActivityCrawlEpoch reads the epoch out of the id of a Crawl; false for another activity's.
func ActivityCrawlEpoch(id string) (int64, bool) {
	text, ok := strings.CutPrefix(id, crawlID)
	epoch, err := strconv.ParseInt(text, 10, 64)
	return epoch, ok && err == nil
}

const crawlID = "crawl-"

// TicketRow is a ticket as rows and readers know it.
type TicketRow struct {
	Input      TicketInput   `json:"input"`
	Hash       string        `json:"hash"`
	State      TicketState   `json:"state"`
	WorkflowID string        `json:"workflowId"`
	RunID      string        `json:"runId"`
	Wait       *Wait         `json:"wait,omitempty"`
	Lease      *Lease        `json:"lease,omitempty"`
	Intent     *Intent       `json:"intent,omitempty"`
	Result     *TicketResult `json:"result,omitempty"`
	Times      TicketTimes   `json:"times"`
	Deadline   time.Time     `json:"deadline,omitzero"`
}

// CrawlerDesk is what the Crawler workflow needs.
type CrawlerDesk interface {
	// Launching notes that the crawler's workflow runs (reserved becomes starting).
	// It answers the row: one that is gone or retired must not be launched.
	Launching(ctx context.Context, c CrawlerInput) (CrawlerRow, error)
	// Launched notes that the provider accepted.
	Launched(ctx context.Context, g GUID, i Instance) error
	// Serving takes the crawler's Hello: a contract or address that does not fit is
	// a *Error and the crawler gets no ticket; else it serves, and slots are granted.
	Serving(ctx context.Context, g GUID, h Hello) (Follow, error)
	// Arrived is Serving before the crawler's workflow has its Hello: the same where the
	// workflow runs and waits for it, nothing otherwise.
	Arrived(ctx context.Context, g GUID, h Hello) (Follow, error)
	// Retire takes an idle crawler out of every route, by one statement.
	Retire(ctx context.Context, g GUID) (RetireAnswer, error)
	// Drain takes it out of every route while its leases run on.
	Drain(ctx context.Context, g GUID, reason string) (RetireAnswer, error)
	// Bury marks a lost crawler gone and frees its leases; their tickets' running
	// Crawls have to be failed by the caller.
	Bury(ctx context.Context, g GUID, reason string) (BuryAnswer, error)
	// Failed notes a launch that did not come to serve: the row is gone, the place
	// cools down where the class says so and the cause is not ours, and the tickets wait
	// for another.
	Failed(ctx context.Context, f LaunchFailure) (Follow, error)
	// Gone closes the books when the provider says that the crawler is no more:
	// cold start and idle time are shared out over its tickets.
	Gone(ctx context.Context, g GUID, at time.Time) (Follow, error)
	// Crawlers lists the live rows of a tenant, of all tenants when t is empty.
	Crawlers(ctx context.Context, t TenantID) ([]CrawlerRow, error)
}

// RetireAnswer says whether the crawler is out of every route.
type RetireAnswer struct {
	Done bool `json:"done"` // retired: stop it
	// Left is how long until it can have been idle long enough.
	Left Duration `json:"left,omitempty"`
	// Leases are those that still run, for a drain.
	Leases int    `json:"leases,omitempty"`
	Follow Follow `json:"follow,omitzero"`
}

// BuryAnswer is what a burial freed.
type BuryAnswer struct {
	Leases []LeaseRow `json:"leases,omitempty"`
	Follow Follow     `json:"follow,omitzero"`
}

// LaunchFailure is a launch that did not come to serve.
type LaunchFailure struct {
	GUID   GUID   `json:"guid"`
	Class  Class  `json:"class"`
	Scope  Scoped `json:"scope,omitzero"` // what cools down; default the offering
	Reason string `json:"reason"`
	Error  *Error `json:"error,omitempty"` // shown to the tickets that wait for it
	// Ours says that the cause is on the control side: no place cools down for it.
	Ours bool `json:"ours,omitempty"`
}

// TenantDesk is what the Tenant workflow needs.
type TenantDesk interface {
	// OpenTenant creates the row (provisioning), or answers the one that exists.
	OpenTenant(ctx context.Context, in TenantInput) (TenantStatus, error)
	// SetPlan changes plan, name, labels and webhooks to those of a document.
	SetPlan(ctx context.Context, in TenantInput) (Follow, error)
	// Replan changes the parts of the plan that are set (Plan.Changed), at once: a
	// larger one starts crawlers for those who wait, a smaller one drains what it no
	// longer allows when the tickets there have come to their end.
	Replan(ctx context.Context, t TenantID, r PlanRequest) (TenantStatus, Follow, error)
	// Suspend takes a ready tenant's crawlers out of every route: nothing is leased,
	// started or granted until Resume. Follow drains them with the request's grace;
	// the tickets that they hand back wait, and so do new ones. A suspended tenant
	// stays so, with its first reason. It refuses with tenant_not_ready one that is
	// not provisioned or is being deleted.
	Suspend(ctx context.Context, t TenantID, r SuspendRequest) (TenantStatus, Follow, error)
	// Resume makes a suspended tenant ready and tells its Conductor where tickets wait;
	// a ready one is told again. It refuses with tenant_not_ready any other.
	Resume(ctx context.Context, t TenantID, r ResumeRequest) (TenantStatus, Follow, error)
	// Condemn moves the tenant to deleting: the first step of its deletion, after which
	// it takes no ticket. A tenant without a row is not_found.
	Condemn(ctx context.Context, t TenantID, r DeleteRequest) (TenantStatus, error)
	// SetTenant moves the tenant to a state: provisioned, or failed to be.
	SetTenant(ctx context.Context, t TenantID, s TenantState, reason string) (Follow, error)
	// ReserveProof reserves the crawler that proves a provisioning.
	ReserveProof(ctx context.Context, t TenantID) (CrawlerInput, error)
	// OpenTickets lists a tenant's tickets that have not ended.
	OpenTickets(ctx context.Context, t TenantID) ([]TicketRow, error)
	// AllCrawlers lists crawlers, gone ones too.
	AllCrawlers(ctx context.Context, f CrawlerFilter) ([]CrawlerRow, error)
	// EraseTenant removes every row that carries the tenant's name but the ledger's,
	// and answers what was removed, by table.
	EraseTenant(ctx context.Context, t TenantID) (map[string]int64, error)
}

// Reader is what the doors read from the control store. A tenant, ticket or crawler that
// does not exist is not_found. Lists are in order of creation, newest first, but for places,
// which are in order of their ids; limit 0 is 100.
type Reader interface {
	Tenants(ctx context.Context) ([]TenantStatus, error)
	Tenant(ctx context.Context, t TenantID) (TenantStatus, error)
	// Ticket answers a ticket as its row says; Tickets those that the filter lets through.
	Ticket(ctx context.Context, t TenantID, id TicketID) (TicketRow, error)
	Tickets(ctx context.Context, f TicketFilter) ([]TicketRow, error)
	// Crawlers lists the live ones of a tenant, of all tenants when t is empty.
	Crawlers(ctx context.Context, t TenantID) ([]CrawlerRow, error)
	// AllCrawlers lists crawlers, gone ones too.
	AllCrawlers(ctx context.Context, f CrawlerFilter) ([]CrawlerRow, error)
	Crawler(ctx context.Context, g GUID) (CrawlerRow, error)
	// Decisions answers the thread of a ticket with those of the crawlers that were
	// started for it or served it, oldest first.
	Decisions(ctx context.Context, t TenantID, id TicketID) ([]DecisionRecord, error)
	// Bill sums a ticket's ledger lines. It outlives the ticket's row, as its lines do.
	Bill(ctx context.Context, t TenantID, id TicketID) (Bill, error)
	// Costs sums the ledger since a moment: a bill for each tenant and currency, without
	// lines.
	Costs(ctx context.Context, since time.Time) ([]Bill, error)
	// Offerings answers the places that are offered now.
	Offerings(ctx context.Context) ([]OfferingStatus, error)
	// Preview plans a ticket without reserving anything.
	Preview(ctx context.Context, in TicketInput) (Preview, error)
	KeyReader
	AuditReader
	DeliveryReader
	GaugeReader
	EgressReader
	LeftoverReader
}

// TicketFilter restricts a list of tickets; zero fields do not.
type TicketFilter struct {
	Tenant TenantID
	State  TicketState
	Label  map[string]string
	// Before is the cursor of a list that goes on: only tickets that were accepted
	// before this one of Tenant, which has to be given. Nothing is before a ticket that
	// does not exist.
	Before TicketID
	Limit  int
}

// CrawlerFilter says which crawlers are listed, the newest first.
type CrawlerFilter struct {
	Tenant TenantID
	// Before is the cursor of a list that goes on: only crawlers that were reserved before
	// this one. Nothing is before a crawler that does not exist.
	Before GUID
	Limit  int // 0 is 100
}

// OfferingStatus is an offering with its use and what keeps it out of decisions.
type OfferingStatus struct {
	Offering
	Running  int       `json:"running"`
	Cooldown *Cooldown `json:"cooldown,omitempty"`
}

// TenantData is the tenants' databases as the control side uses them. The data
// plane is the only other writer and works through the same rows.
type TenantData interface {
	// Create makes the tenant's database; Destroy removes it. Both may be repeated.
	Create(ctx context.Context, t TenantID) error
	Destroy(ctx context.Context, t TenantID) error
	// Raise lifts the fence of a crawl to a lease's epoch: every claim before it is
	// stopped, a claim with this epoch or a later one is taken. A crawl that does
	// not exist yet is not an error.
	Raise(ctx context.Context, t TenantID, id TicketID, epoch int64) error
	// Close raises the fence and closes the crawl with an outcome; a crawl that is
	// closed keeps its outcome. It answers the final counters.
	Close(ctx context.Context, t TenantID, id TicketID, o Outcome, reason string) (Counters, error)
	// Reopen makes a closed crawl claimable again for another attempt: its failed
	// and cut pages are queued again.
	Reopen(ctx context.Context, t TenantID, id TicketID, epoch int64) error
	ResultKeeper
	TraceReader
}

// ResultKeeper forgets results that need not be kept.
type ResultKeeper interface {
	// Forget removes a crawl with its pages and frontier. One that does not exist is
	// not an error.
	Forget(ctx context.Context, t TenantID, id TicketID) error
	// ForgetSession removes what a session carries, unless a crawl of it is open. One that
	// does not exist is not an error.
	ForgetSession(ctx context.Context, t TenantID, key SessionKey) error
}

// TenantReader is what the doors read from a tenant's database.
type TenantReader interface {
	// Pages yields the stored pages in commit order after a cursor.
	Pages(ctx context.Context, t TenantID, id TicketID, after int64, limit int) ([]PageRow, error)
	// Progress answers the counters of a crawl, and when it was first claimed.
	Progress(ctx context.Context, t TenantID, id TicketID) (Counters, time.Time, error)
	// Pace answers what politeness makes of a crawl; the zero one where nothing waits.
	Pace(ctx context.Context, t TenantID, id TicketID) (Pace, error)
}
