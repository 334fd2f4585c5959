package fleet

import "time"

// The data plane's HTTP interface: JSON over POST, bearer credential per crawler.
// A crawler has no other way to a tenant's database.
const (
	// PathClaim starts a crawl under a lease: ClaimRequest in, ClaimAnswer out.
	PathClaim = "/v1/claim"
	// PathExchange commits results and takes work: ExchangeRequest in, ExchangeAnswer out.
	PathExchange = "/v1/exchange"
	// PathEcho answers the caller's address: EchoAnswer out.
	PathEcho = "/v1/echo"
)

// ClaimRequest claims a ticket's crawl under a lease. A claim raises the fence:
// whoever claimed before can store nothing more.
type ClaimRequest struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
	GUID   GUID     `json:"guid"`
	Epoch  int64    `json:"epoch"`
	Want   int      `json:"want"` // how many URLs to hand out at once
}

// ClaimAnswer is the crawl to do. A refused claim is an Error with code fenced,
// not_found or forbidden instead.
type ClaimAnswer struct {
	Fence    int64         `json:"fence"`
	Spec     TicketInput   `json:"spec"` // normalised; MaxPages and Hosts are set
	Work     []FrontierURL `json:"work"`
	Counters Counters      `json:"counters"`
	// Seed says that the frontier is still without its seeds: there is no work, and
	// the first exchange has to bring Spec.URLs as Seeds, with their keys, which
	// only the crawler's canonicaliser knows.
	Seed bool `json:"seed,omitempty"`
	// Outcome is set when the crawl has ended already (a crash between its last
	// commit and its answer): there is nothing to do but to answer it.
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	Error   *Error  `json:"error,omitempty"` // with outcome failed
}

// FrontierURL is one URL to fetch, handed out under a fence.
type FrontierURL struct {
	ID       int64  `json:"id"`             // the frontier row
	URL      string `json:"url"`            // as it was found: this is what is fetched
	Depth    int    `json:"depth"`          // links away from a seed
	Via      string `json:"via,omitempty"`  // the page that named it
	Hops     int    `json:"hops,omitempty"` // redirects followed to come here
	Attempts int    `json:"attempts,omitempty"`
}

// ExchangeRequest commits pages with their links in one transaction and asks for
// more work. An empty one is a sign of life that hears cancel and progress.
type ExchangeRequest struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
	GUID   GUID     `json:"guid"`
	Fence  int64    `json:"fence"`
	// Seq is 1 for the first exchange of a claim and rises by one with each, empty
	// ones included. There is one exchange at a time: the next is sent when the
	// answer is here. The last one may be repeated after a lost answer; it is not
	// applied again, and answers the same work.
	Seq   int64        `json:"seq"`
	Pages []PageResult `json:"pages,omitempty"`
	// Seeds answer ClaimAnswer.Seed, in the first exchange: all of them, at depth 0.
	// A frontier that has its seeds takes no more.
	Seeds []Link `json:"seeds,omitempty"`
	Want  int    `json:"want"`
}

// PageResult is the end of one handed-out URL, or its return to the frontier.
type PageResult struct {
	ID      int64       `json:"id"`
	URL     string      `json:"url"`
	Outcome PageOutcome `json:"outcome"`
	Reason  string      `json:"reason,omitempty"`
	// Retry puts the URL back with Attempts+1; not before RetryAfter has passed.
	Retry      bool     `json:"retry,omitempty"`
	RetryAfter Duration `json:"retryAfter,omitempty"`

	Status      int            `json:"status,omitempty"`
	ContentType string         `json:"contentType,omitempty"`
	Title       string         `json:"title,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"` // of the ticket's extract: string, []string or nil
	Bytes       int64          `json:"bytes,omitempty"`  // decoded body
	SHA256      string         `json:"sha256,omitempty"` // of the decoded body, hex
	Truncated   bool           `json:"truncated,omitempty"`
	Address     string         `json:"address,omitempty"` // the egress address it was fetched from
	FetchedAt   time.Time      `json:"fetchedAt,omitzero"`
	Took        Duration       `json:"took,omitempty"`
	Links       []Link         `json:"links,omitempty"` // in scope only; a redirect's target is its one link
}

// Link is a discovered URL with its canonical key: what makes it the same page.
type Link struct {
	URL string `json:"url"`
	Key string `json:"key"` // canonical URL without fragment and user info
	// Hops is the redirect count when the link is a redirect's target; its depth
	// is then that of the page that redirected.
	Hops int `json:"hops,omitempty"`
}

// ExchangeAnswer says what became of the batch and what to do next.
type ExchangeAnswer struct {
	Work     []FrontierURL `json:"work,omitempty"`
	Counters Counters      `json:"counters"`
	// Next says how to go on.
	Next Next `json:"next"`
	// NotBefore is how long nothing can be handed out because what is left waits
	// for a retry; zero where it does not apply.
	NotBefore Duration `json:"notBefore,omitempty"`
	// Outcome and Reason are set with NextEnd.
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	Error   *Error  `json:"error,omitempty"`
}

// Next says how a crawler goes on after an exchange.
type Next string

// The ways on.
const (
	NextGo   Next = "go"   // fetch what you were given, come back with it
	NextEnd  Next = "end"  // nothing is left: the crawl is closed with an outcome
	NextStop Next = "stop" // fenced (cancelled, moved, expired): store nothing more
)

// EchoAnswer tells a crawler where it is seen to come from.
type EchoAnswer struct {
	Address string `json:"address"`
}

// PageRow is a stored page as readers see it.
type PageRow struct {
	Seq int64 `json:"seq"` // cursor: rises in commit order within the ticket
	PageResult
	Depth int    `json:"depth"`
	Via   string `json:"via,omitempty"`
	GUID  GUID   `json:"guid"`
}
