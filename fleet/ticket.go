package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// The wire names of the Ticket workflow.
const (
	TicketWorkflow = "Ticket"

	// SignalGranted tells a waiting ticket to ask again; a hint, forged ones do no harm.
	SignalGranted = "granted"
	// TicketPause and TicketResume are the updates that give the ticket's slot back
	// and let it go on (nothing or a SteerRequest in, TicketStatus out).
	TicketPause  = "pause"
	TicketResume = "resume"
	// TicketQuery is the query that answers a TicketStatus.
	TicketQuery = "status"
)

const ticketPrefix = "ticket/"

// TicketWorkflowID is the workflow id that our own clients give a ticket.
func TicketWorkflowID(t TenantID, id TicketID) string {
	return ticketPrefix + string(t) + "/" + string(id)
}

// TicketIDFrom derives the ticket id of a workflow that was started without one:
// the last part of a ticket/<tenant>/<id>, else the workflow id itself where it
// can be a ticket id, else a digest of it. The same workflow id gives the same ticket.
func TicketIDFrom(tenant TenantID, workflowID string) TicketID {
	id := TicketID(strings.TrimPrefix(workflowID, ticketPrefix+string(tenant)+"/"))
	if id.Validate() == nil {
		return id
	}
	sum := sha256.Sum256([]byte(workflowID))
	return TicketID("wf-" + hex.EncodeToString(sum[:12]))
}

// TicketInput is one crawl request. The smallest is a tenant and one URL; every
// zero field has the default that its comment names.
type TicketInput struct {
	Tenant TenantID `json:"tenant"`
	// ID makes the request idempotent: same id and content is the same ticket.
	// Without one the workflow id gives it.
	ID TicketID `json:"id,omitempty"`
	// URLs are the seeds, http or https, at least one.
	URLs   []string          `json:"urls"`
	Labels map[string]string `json:"labels,omitempty"`

	Scope     Scope     `json:"scope,omitzero"`
	Canonical Canonical `json:"canonical,omitzero"`
	Sources   Sources   `json:"sources,omitzero"`

	Fetch   FetchOptions     `json:"fetch,omitzero"`
	Extract map[string]Field `json:"extract,omitempty"`
	// Recrawl visits again what another ticket has fetched.
	Recrawl *Recrawl `json:"recrawl,omitempty"`
	Session *Session `json:"session,omitempty"`
	Place   Place    `json:"place,omitzero"`

	// Priority is 1 (first) to 5 (last); default 3.
	Priority int `json:"priority,omitempty"`
	// StartAt is when the ticket may start; default at once.
	StartAt Moment `json:"startAt,omitempty"`
	// Deadline is when the ticket ends "expired", its results kept; default none.
	Deadline Moment `json:"deadline,omitempty"`
	// MaxCost ends the ticket "limited", its results kept, when its own time on slots
	// has cost this much. Its shares of cold starts and idle time are not in it: they
	// are known only when the crawlers stop.
	MaxCost *Money `json:"maxCost,omitempty"`

	// Webhook is told how this ticket ends, besides those of the tenant.
	Webhook string `json:"webhook,omitempty"`

	// Attempt asks for another try of a ticket that ended failed, cancelled or
	// expired: 2 is the first retry. It is not part of the content.
	Attempt int `json:"attempt,omitempty"`
}

// FetchOptions says how pages are fetched.
type FetchOptions struct {
	// Delay is the least time between two requests to one host; default 0.5s.
	Delay *Duration `json:"delay,omitempty"`
	// Concurrency is the most requests at a time, 1 to 64; default 8.
	Concurrency int `json:"concurrency,omitempty"`
	// Timeout bounds one request with its body, 100ms to 10m; default 30s.
	Timeout Duration `json:"timeout,omitempty"`
	// MaxBody is the most bytes of a decoded body, 1 to 100 MiB; default 10 MiB. A
	// longer one is cut and marked.
	MaxBody int64 `json:"maxBody,omitempty"`
	// Retries is how often a page that failed for a passing reason is tried
	// again, 0 to 10; nil is 2.
	Retries *int `json:"retries,omitempty"`
	// Types are the content types that are fetched, such as text/html or image/*; default
	// all. Of others not even the body is read: they are skipped.
	Types []string `json:"types,omitempty"`
	// Ports are the only ports that are asked, of those that the operator allows; default all
	// of these. URLs on other ports do not belong to the ticket.
	Ports []int `json:"ports,omitempty"`
	// Robots is "obey" (the default), or "ignore" where the operator allows it to the
	// tenant; that goes to the audit trail.
	Robots string `json:"robots,omitempty"`
	// ObeyNoFollow leaves the links of pages alone that say nofollow, in a header or a meta, and
	// single links that do (rel). What they say is noted either way.
	ObeyNoFollow bool `json:"obeyNoFollow,omitempty"`
	// ObeyNoIndex keeps nothing of pages that say noindex.
	ObeyNoIndex bool `json:"obeyNoIndex,omitempty"`
	// MaxCrawlDelay is the longest Crawl-delay of a robots.txt that is kept; a longer one is
	// cut to it, and the ticket says so. 0 to 1h; nil is 1m.
	MaxCrawlDelay *Duration `json:"maxCrawlDelay,omitempty"`
	// Clock says what has a clock of politeness of its own: each "host" (the default), for
	// all tickets of the tenant together, or each host for each egress "address".
	Clock string `json:"clock,omitempty"`
}

// The values of FetchOptions.Robots and FetchOptions.Clock.
const (
	RobotsObey   = "obey"
	RobotsIgnore = "ignore"
	ClockHost    = "host"
	ClockAddress = "address"
)

// Recrawl names the ticket whose pages are visited again, besides the ticket's own seeds
// and whatever new is found. A page that the site says is unchanged ends notModified, and
// costs no more than the question: its content is with the earlier ticket.
type Recrawl struct {
	// Of is a ticket of the same tenant, or with a * at its end the latest one that has
	// ended of those that begin so, as the tickets of a schedule do. One that is not
	// there is nothing to compare with: the crawl is a first one.
	Of string `json:"of"`
}

// Place restricts where a ticket may run; empty lists allow everything.
type Place struct {
	Countries []string       `json:"countries,omitempty"` // ISO 3166-1 alpha-2
	Regions   []string       `json:"regions,omitempty"`
	Providers []ProviderKind `json:"providers,omitempty"`
	// Address asks for this egress address and no other.
	Address string `json:"address,omitempty"`
	// FreshAddress asks for an egress address that the tenant has not used at the hosts of
	// the ticket, as far back as the fleet remembers (egress.remember).
	FreshAddress bool `json:"freshAddress,omitempty"`
}

// Anywhere reports whether the place restricts nothing.
func (p Place) Anywhere() bool {
	return len(p.Countries)+len(p.Regions)+len(p.Providers) == 0 && p.Address == "" && !p.FreshAddress
}

// SteerRequest pauses or resumes a ticket.
type SteerRequest struct {
	Reason string `json:"reason,omitempty"` // for people, up to 200 characters
	By     string `json:"by,omitempty"`     // who asks, for the audit trail
}

// Validate names the first field that is wrong.
func (r SteerRequest) Validate() error {
	if len(r.Reason) > 200 {
		return Invalid("reason", "is too long", "at most 200 characters")
	}
	return nil
}

// Outcome says how a ticket ended.
type Outcome string

// The outcomes of a ticket.
const (
	OutcomeDone      Outcome = "done"
	OutcomeLimited   Outcome = "limited" // a limit was reached; results kept
	OutcomeExpired   Outcome = "expired" // the deadline passed; results kept
	OutcomeFailed    Outcome = "failed"
	OutcomeCancelled Outcome = "cancelled" // results kept
)

// Good reports whether the outcome is what the caller asked for.
func (o Outcome) Good() bool { return o == OutcomeDone || o == OutcomeLimited }

// TicketState says where a ticket is in its life.
type TicketState string

// The states of a ticket.
const (
	TicketWaiting TicketState = "waiting" // accepted, no slot; its row says why
	TicketRunning TicketState = "running" // holds a lease
	TicketClosing TicketState = "closing" // its end is written, its fence being raised
	TicketEnded   TicketState = "ended"   // Outcome says how
)

// TicketResult is what a Ticket workflow answers and what its row keeps.
type TicketResult struct {
	Tenant    TenantID    `json:"tenant"`
	Ticket    TicketID    `json:"ticket"`
	Outcome   Outcome     `json:"outcome"`
	Reason    string      `json:"reason,omitempty"` // for people: which limit, which failure
	Counters  Counters    `json:"counters"`
	Crawlers  []GUID      `json:"crawlers,omitempty"`  // in the order they served it
	Addresses []string    `json:"addresses,omitempty"` // egress addresses, likewise
	Moves     int         `json:"moves,omitempty"`     // how often it went to another crawler
	Attempt   int         `json:"attempt,omitempty"`
	Bill      Money       `json:"bill"` // so far; start and idle shares follow when the crawler stops
	Error     *Error      `json:"error,omitempty"`
	Times     TicketTimes `json:"times"`
}

// TicketStatus answers the status query of a Ticket workflow.
type TicketStatus struct {
	Tenant  TenantID      `json:"tenant"`
	Ticket  TicketID      `json:"ticket"`
	State   TicketState   `json:"state"`
	Wait    *Wait         `json:"wait,omitempty"`
	Crawler GUID          `json:"crawler,omitempty"`
	Address string        `json:"address,omitempty"`
	Moves   int           `json:"moves,omitempty"`
	Result  *TicketResult `json:"result,omitempty"`
}

// Hash is the digest of the content: everything but the id and the attempt.
// Call it on a normalised input.
func (in TicketInput) Hash() string {
	in.ID, in.Attempt = "", 0
	b, err := json.Marshal(in) // maps are written in key order
	if err != nil {
		panic("fleet: a ticket that cannot be written as JSON: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Subject says in a few words what is crawled, with queries and all: for those who may read
// the ticket. Seeds is for everybody else.
func (in TicketInput) Subject() string {
	switch n := len(in.URLs); n {
	case 0:
		return ""
	case 1:
		return strings.TrimSpace(in.URLs[0])
	default:
		return fmt.Sprintf("%s and %d more", strings.TrimSpace(in.URLs[0]), n-1)
	}
}

// maxSeeds is the most bytes that Seeds answers of one URL.
const maxSeeds = 120

// Seeds says in a few words what is crawled: the first URL, and how many more there are.
// Queries, fragments and user names are left out: they may be nobody's business.
func Seeds(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	first := "?"
	if u, err := url.Parse(strings.TrimSpace(urls[0])); err == nil && u.Host != "" {
		first = clip((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(), maxSeeds)
	}
	if n := len(urls); n > 1 {
		return fmt.Sprintf("%s and %d more", first, n-1)
	}
	return first
}
