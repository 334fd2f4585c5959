package fleet

import (
	"fmt"
	"strings"
	"time"
)

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
	// PageNotModified is what it was when it was last fetched; nothing new is stored.
	PageNotModified PageOutcome = "notModified"
	// PageBlocked met a challenge or a captcha instead of the page; Reason says whose.
	PageBlocked PageOutcome = "blocked"
)

// PageOutcomes lists every outcome.
func PageOutcomes() []PageOutcome {
	return []PageOutcome{
		PageFetched, PageRedirected, PageFailed, PageSkipped, PageNotModified, PageBlocked,
	}
}

// Counters count the URLs of a ticket. In every snapshot Discovered = Queued + InFlight +
// Fetched + Redirected + Failed + Skipped + NotModified + Blocked.
type Counters struct {
	Discovered int64 `json:"discovered"`
	Queued     int64 `json:"queued"`
	InFlight   int64 `json:"inFlight"`
	Fetched    int64 `json:"fetched"`
	Redirected int64 `json:"redirected"`
	Failed     int64 `json:"failed"`
	Skipped    int64 `json:"skipped"`
	// NotModified and Blocked are ends like the ones above; they came later.
	NotModified int64 `json:"notModified,omitempty"`
	Blocked     int64 `json:"blocked,omitempty"`
	// Refetched counts URLs that were in flight when their crawler was lost.
	Refetched int64 `json:"refetched,omitempty"`
	// Bytes counts decoded body bytes of fetched pages.
	Bytes int64 `json:"bytes"`
	// Cut counts the links that did not become URLs.
	Cut Cuts `json:"cut,omitzero"`
}

// Cuts count links that were found and not taken up, by the reason. They count links,
// not pages: one that two pages have may be in here twice. Each reason can be lifted or
// set by the ticket, but for the length.
type Cuts struct {
	Length     int64 `json:"length,omitempty"`     // longer than MaxURL
	Repetition int64 `json:"repetition,omitempty"` // the same path segments again and again
	Calendar   int64 `json:"calendar,omitempty"`   // a calendar's page of another age
	Depth      int64 `json:"depth,omitempty"`      // below scope.maxDepth
	Host       int64 `json:"host,omitempty"`       // over scope.maxPerHost
	Pattern    int64 `json:"pattern,omitempty"`    // over scope.maxPerPattern
	Page       int64 `json:"page,omitempty"`       // over what one page may add
	NoFollow   int64 `json:"noFollow,omitempty"`   // it, or its page, says nofollow, and that is obeyed
}

// Plus is the sum of two.
func (c Cuts) Plus(d Cuts) Cuts {
	return Cuts{
		Length: c.Length + d.Length, Repetition: c.Repetition + d.Repetition,
		Calendar: c.Calendar + d.Calendar, Depth: c.Depth + d.Depth,
		Host: c.Host + d.Host, Pattern: c.Pattern + d.Pattern, Page: c.Page + d.Page, NoFollow: c.NoFollow + d.NoFollow,
	}
}

// String names each reason with its number, "" for none.
func (c Cuts) String() string {
	var parts []string
	for _, r := range c.reasons() {
		if r.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", r.n, r.name))
		}
	}
	return strings.Join(parts, ", ")
}

type cutReason struct {
	name string
	n    int64
}

func (c Cuts) reasons() []cutReason {
	return []cutReason{
		{"length", c.Length},
		{"repetition", c.Repetition},
		{"calendar", c.Calendar},
		{"depth", c.Depth},
		{"host", c.Host},
		{"pattern", c.Pattern},
		{"page", c.Page},
		{"nofollow", c.NoFollow},
	}
}

// Done is how many URLs have come to their end.
func (c Counters) Done() int64 {
	return c.Fetched + c.Redirected + c.Failed + c.Skipped + c.NotModified + c.Blocked
}

// End is the counter of an outcome, nil for one that is not known.
func (c *Counters) End(o PageOutcome) *int64 {
	switch o {
	case PageFetched:
		return &c.Fetched
	case PageRedirected:
		return &c.Redirected
	case PageFailed:
		return &c.Failed
	case PageSkipped:
		return &c.Skipped
	case PageNotModified:
		return &c.NotModified
	case PageBlocked:
		return &c.Blocked
	default:
		return nil
	}
}

// Balanced reports whether the counters add up.
func (c Counters) Balanced() bool { return c.Discovered == c.Queued+c.InFlight+c.Done() }

// HostRow is one host of a crawl as readers see it.
type HostRow struct {
	Host     string `json:"host"`
	Queued   int64  `json:"queued"`
	InFlight int64  `json:"inFlight"`
	// Interval is the time between two requests that is kept now: the ticket's delay, the
	// site's Crawl-delay or what a host in distress was slowed down to.
	Interval Duration `json:"interval,omitempty"`
	// Left is how long what is queued and in flight takes at that interval: less is not
	// possible, whatever else goes well.
	Left Duration `json:"left,omitempty"`
	// Note says what is special: a Crawl-delay that was cut, a host slowed down or given up.
	Note string `json:"note,omitempty"`
}

// Pace is what politeness makes of a crawl.
type Pace struct {
	// Left is the longest of the hosts': the crawl cannot end before it has passed.
	Left Duration `json:"left,omitempty"`
	// Hosts are those that take longest and those with a note, longest first.
	Hosts []HostRow `json:"hosts,omitempty"`
}

// TicketTimes are the moments of a ticket, by the control store's clock; a zero
// one has not come.
type TicketTimes struct {
	Accepted time.Time `json:"accepted,omitzero"`
	Leased   time.Time `json:"leased,omitzero"`  // first lease
	Started  time.Time `json:"started,omitzero"` // first claim; known to readers of the tenant's database
	Ended    time.Time `json:"ended,omitzero"`
}
