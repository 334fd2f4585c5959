package fleet

import "time"

// The data plane's HTTP interface: JSON over POST, bearer credential per crawler.
// A crawler has no other way to a tenant's database.
const (
	// PathClaim starts a crawl under a lease: ClaimRequest in, ClaimAnswer out.
	PathClaim = "/v1/claim"
	// PathExchange commits results and takes work: ExchangeRequest in, ExchangeAnswer out.
	PathExchange = "/v1/exchange"
	// PathReady says that the crawler polls its queues: Hello in, nothing out. It is a hint:
	// the Hello activity says the same, some milliseconds later.
	PathReady = "/v1/ready"
	// PathEcho answers the caller's address, and hears what it runs: EchoRequest in,
	// EchoAnswer out.
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
	// PerHost is the most URLs of one host that may be in flight; 0 is no limit.
	PerHost int `json:"perHost,omitempty"`
}

// ClaimAnswer is the crawl to do. A refused claim is an Error with code fenced,
// not_found or forbidden instead.
type ClaimAnswer struct {
	Fence    int64         `json:"fence"`
	Spec     TicketInput   `json:"spec"` // normalised, with MaxPages and the hosts that are crawled by default
	Work     []FrontierURL `json:"work"`
	Counters Counters      `json:"counters"`
	// Session is what the ticket's session has left, nil where that is nothing.
	Session *SessionState `json:"session,omitempty"`
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
	// List has the URL read as a list.
	List ListKind `json:"list,omitempty"`
	// Prior is what the page was in the ticket that this one recrawls; nil where it was
	// not fetched there.
	Prior *Prior `json:"prior,omitempty"`
}

// Prior is one earlier state of a page: what to ask whether it has changed, and what to
// compare it with.
type Prior struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
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
	// PerHost is the most URLs of one host that may be in flight; 0 is no limit.
	PerHost int `json:"perHost,omitempty"`
	// Session is what the ticket's session has become, where that is news.
	Session *SessionState `json:"session,omitempty"`
	// Hosts asks for turns on the clocks of hosts, and tells what is to be known of them.
	Hosts []HostUse `json:"hosts,omitempty"`
}

// HostUse asks for a turn on a host's clock. All tickets of a tenant share the clock of a
// host, whichever crawlers they run on: who has the turn may ask the host, the others
// wait. Those without an interval have one turn together.
type HostUse struct {
	Host string `json:"host"`
	// Clock is the clock's name: the host, with the egress address where the ticket wants
	// each address to have one. Empty for a host that is only told of.
	Clock string `json:"clock,omitempty"`
	// Interval is the time between two requests that this crawl keeps.
	Interval Duration `json:"interval,omitempty"`
	// Hold is how long the host wants to be left alone by everybody.
	Hold Duration `json:"hold,omitempty"`
	// Slow is what the host was slowed down to, because it answered that it is in distress,
	// and Distress says that it has answered so since the last exchange.
	Slow     Duration `json:"slow,omitempty"`
	Distress bool     `json:"distress,omitempty"`
	// Note is for people; see HostRow.
	Note string `json:"note,omitempty"`
}

// HostTurn answers a HostUse. Both times count from the answer, so that clocks need not
// agree; a crawler counts Until from when it asked, which is earlier.
type HostTurn struct {
	Host string `json:"host"`
	// From and Until bound the turn: a request may start at any time of it from which the
	// interval still fits. Both are zero where another has the turn.
	From  Duration `json:"from,omitempty"`
	Until Duration `json:"until,omitempty"`
	// Slow is what the crawl that had the turn before has slowed the host down to, 0 for not
	// at all: it takes the place of what the next one knows. Nil where there is no news.
	Slow *Duration `json:"slow,omitempty"`
	// Again is when to ask again, where another has the turn.
	Again Duration `json:"again,omitempty"`
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

	Status      int    `json:"status,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Title       string `json:"title,omitempty"`
	Fields      Values `json:"fields,omitempty"` // of the ticket's extract, nil for no match
	Bytes       int64  `json:"bytes,omitempty"`  // decoded body
	SHA256      string `json:"sha256,omitempty"` // of the decoded body, hex
	Truncated   bool   `json:"truncated,omitempty"`
	// Address is the egress address that it was fetched from, as the data plane sees it: it
	// overwrites what the crawler says. Empty where nothing was fetched.
	Address   string    `json:"address,omitempty"`
	FetchedAt time.Time `json:"fetchedAt,omitzero"`
	Took      Duration  `json:"took,omitempty"`
	Links     []Link    `json:"links,omitempty"` // in scope only; a redirect's target is its one link
	// Cut counts the links that the crawler dropped.
	Cut Cuts `json:"cut,omitzero"`

	// ETag and LastModified are the site's own words for this state of the page.
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	// Before is the digest of the page in the ticket that this one recrawls, "" where it
	// was not fetched there.
	Before string `json:"before,omitempty"`
	Notes  Notes  `json:"notes,omitzero"`
}

// Notes are what a page says of itself, and what is to be said of it. Nothing follows
// from them: they are recorded.
type Notes struct {
	// Canonical is the address that the page wants to be known by, absolute.
	Canonical string `json:"canonical,omitempty"`
	// Languages are its translations.
	Languages []Translation `json:"languages,omitempty"`
	// Charset is what the text was decoded from.
	Charset string `json:"charset,omitempty"`
	// Robots is what the page itself says to crawlers: noindex, nofollow.
	Robots string `json:"robots,omitempty"`
	// NoFollow is how many of its links say nofollow themselves.
	NoFollow int64 `json:"noFollow,omitempty"`
	// Missing are the required fields that the page does not have.
	Missing []string `json:"missing,omitempty"`
	// Mistyped are the fields of which the page has something, but nothing of their type.
	Mistyped []string `json:"mistyped,omitempty"`
}

// Translation is a page in another language.
type Translation struct {
	Language string `json:"language"` // as the page writes it, or x-default
	URL      string `json:"url"`
}

// Link is a discovered URL with its canonical key: what makes it the same page.
type Link struct {
	URL string `json:"url"`
	Key string `json:"key"` // canonical URL without fragment and user info
	// Hops is the redirect count when the link is a redirect's target; its depth
	// is then that of the page that redirected.
	Hops int `json:"hops,omitempty"`
	// Seed makes the link a seed, as the entries of a sitemap are: its depth is 0.
	Seed bool `json:"seed,omitempty"`
	// List makes the URL one that is read as a list, also where the frontier has it and has
	// not handed it out.
	List ListKind `json:"list,omitempty"`
	// Pattern is what the URL has in common with those of its kind; only where the
	// ticket's scope limits their number.
	Pattern string `json:"pattern,omitempty"`
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
	// Turns answer ExchangeRequest.Hosts, each in its place. None at all means that this
	// data plane knows no clocks: the crawler keeps its own.
	Turns []HostTurn `json:"turns,omitempty"`
}

// Next says how a crawler goes on after an exchange.
type Next string

// The ways on.
const (
	NextGo   Next = "go"   // fetch what you were given, come back with it
	NextEnd  Next = "end"  // nothing is left: the crawl is closed with an outcome
	NextStop Next = "stop" // fenced (cancelled, moved, expired): store nothing more
)

// PageRow is a stored page as readers see it.
type PageRow struct {
	Seq int64 `json:"seq"` // cursor: rises in commit order within the ticket
	PageResult
	Depth int    `json:"depth"`
	Via   string `json:"via,omitempty"`
	GUID  GUID   `json:"guid"`
	// Change compares the page with what it was in the ticket that this one recrawls; ""
	// where it recrawls none or there is nothing to compare.
	Change Change `json:"change,omitempty"`
}

// Change says what became of a page between two tickets.
type Change string

// The changes.
const (
	ChangeNew     Change = "new"     // it was not there before
	ChangeChanged Change = "changed" // its digest is another one
	ChangeSame    Change = "same"
	ChangeGone    Change = "gone" // the site says that it is not there any more
)

// ChangeOf compares a page with what it was before.
func (p PageResult) ChangeOf() Change {
	switch {
	case p.Outcome == PageNotModified, p.Outcome == PageFetched && p.SHA256 == p.Before:
		return ChangeSame
	case p.Outcome == PageFetched && p.Before == "":
		return ChangeNew
	case p.Outcome == PageFetched:
		return ChangeChanged
	case p.Outcome == PageFailed && p.Before != "" && (p.Status == 404 || p.Status == 410):
		return ChangeGone
	default:
		return ""
	}
}
