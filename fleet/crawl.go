package fleet

import "time"

// The activity of the crawler's own queue.
const ActivityCrawl = "Crawl"

// CrawlInput is what Crawl is given: who it works for and under which lease. The
// request itself comes from the data plane with the claim, so that it is in no
// history twice.
type CrawlInput struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
	Epoch  int64    `json:"epoch"`
}

// CrawlResult is what Crawl answers when the crawl has come to an end.
type CrawlResult struct {
	Outcome  Outcome  `json:"outcome"` // done, limited or failed
	Reason   string   `json:"reason,omitempty"`
	Counters Counters `json:"counters"`
	Error    *Error   `json:"error,omitempty"` // with outcome failed
}

// CrawlState is the state of a ticket's row in the tenant's database: what the
// fence protects.
type CrawlState string

// The states of a crawl.
const (
	CrawlRunning CrawlState = "running"
	CrawlClosed  CrawlState = "closed" // no batch is taken any more
)

// PageOutcome is the one end that each discovered URL comes to.
type PageOutcome string

// The outcomes of a page.
const (
	PageFetched    PageOutcome = "fetched"    // stored, with status 2xx
	PageRedirected PageOutcome = "redirected" // its target is a page of its own
	PageFailed     PageOutcome = "failed"     // status 4xx or 5xx, network, cap; Reason says which
	PageSkipped    PageOutcome = "skipped"    // robots, limit, content type; Reason says which
)

// Counters count the URLs of a ticket. In every snapshot
// Discovered = Queued + InFlight + Fetched + Redirected + Failed + Skipped.
type Counters struct {
	Discovered int64 `json:"discovered"`
	Queued     int64 `json:"queued"`
	InFlight   int64 `json:"inFlight"`
	Fetched    int64 `json:"fetched"`
	Redirected int64 `json:"redirected"`
	Failed     int64 `json:"failed"`
	Skipped    int64 `json:"skipped"`
	// Refetched counts URLs that were in flight when their crawler was lost.
	Refetched int64 `json:"refetched,omitempty"`
	// Bytes counts decoded body bytes of fetched pages.
	Bytes int64 `json:"bytes"`
}

// Done is how many URLs have come to their end.
func (c Counters) Done() int64 { return c.Fetched + c.Redirected + c.Failed + c.Skipped }

// Balanced reports whether the counters add up.
func (c Counters) Balanced() bool { return c.Discovered == c.Queued+c.InFlight+c.Done() }

// TicketTimes are the moments of a ticket, by the control store's clock; a zero
// one has not come.
type TicketTimes struct {
	Accepted time.Time `json:"accepted,omitzero"`
	Leased   time.Time `json:"leased,omitzero"`  // first lease
	Started  time.Time `json:"started,omitzero"` // first claim; known to readers of the tenant's database
	Ended    time.Time `json:"ended,omitzero"`
}
