package tenantdbtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Data is what is tested: everything that the data plane, the control side and the
// doors do with a tenant's database.
type Data interface {
	fleet.TenantData
	fleet.TenantReader
	Claim(context.Context, fleet.ClaimRequest, fleet.TicketInput) (fleet.ClaimAnswer, error)
	Exchange(context.Context, fleet.ExchangeRequest) (fleet.ExchangeAnswer, error)
}

// Factory opens an empty store that tells the time by a clock, and closes it with the test.
type Factory func(t *testing.T, clock func() time.Time) Data

// The names that the cases use.
const (
	tenant = fleet.TenantID("acme")
	ticket = fleet.TicketID("t-1")
)

// Exercise runs every case against stores of the factory.
func Exercise(t *testing.T, open Factory) {
	for name, run := range map[string]func(*testing.T, *world){
		"first claim asks for seeds until they have come":     firstClaim,
		"seeds are one URL by their key":                      seedsByKey,
		"a crawl without seeds is refused":                    noSeeds,
		"a whole crawl ends done and its pages read in order": wholeCrawl,
		"every column of a page is read back":                 columns,
		"large pages are read some at a time":                 largePages,
		"a known key is not discovered again":                 dedupe,
		"links under the depth limit are dropped":             depthLimit,
		"a level waits for the one above it":                  levels,
		"a redirect keeps the depth and counts a hop":         redirect,
		"a redirect's target comes nearer":                    redirectNearer,
		"redirects without end fail":                          redirectLoop,
		"seeds that only redirect to each other fail":         redirectCircle,
		"the page limit is exact":                             pageLimit,
		"a failed page frees its place":                       pageLimitFailed,
		"a limit that takes all is no limit":                  pageLimitAll,
		"a retry waits for its time":                          retry,
		"no seed fetched is unreachable":                      unreachable,
		"robots keep all out: done without a page":            skippedOnly,
		"redirects out of scope alone fail and name a host":   ledAway,
		"a repeated batch is applied once, with its work":     repeated,
		"a repeated end answers the end":                      repeatedEnd,
		"a batch out of order is refused":                     outOfOrder,
		"a URL that was not handed out is refused whole":      notHandedOut,
		"a newer claim stops the older":                       newerClaim,
		"another crawler's fence is not one's own":            guessedFence,
		"a claim of an older lease is fenced":                 olderLease,
		"a repeated claim refetches nothing":                  repeatedClaim,
		"a claim after the end answers it":                    claimAfterEnd,
		"raise stops the holder and may be repeated":          raise,
		"raise before the first claim is remembered":          raiseFirst,
		"close keeps the results and stops the crawler":       closing,
		"close before the first claim keeps claims out":       closeFirst,
		"close keeps the outcome of an ended crawl":           closeEnded,
		"reopen queues failed and cut pages again":            reopen,
		"reopen may be repeated after the attempt":            reopenRepeated,
		"tickets do not see each other":                       ticketsApart,
		"a tenant without a database is not found":            noTenant,
		"destroy removes everything":                          destroy,
		"forget removes one crawl":                            forget,
		"traces are what is left of a tenant":                 traces,
		"hosts share what is handed out":                      hostsShare,
		"reopen queues blocked pages too":                     hostsReopened,
		"a crawl of challenges only has failed":               blockedOnly,
		"who is alone on a host goes on":                      turnAlone,
		"crawls take turns on a host":                         turnByTurn,
		"a host that is held is held for all":                 turnHeld,
		"a host that is slow is slow for all":                 turnSlow,
		"turns without an interval are shared":                turnShared,
		"a turn is left at the end":                           turnLeft,
		"turns never overlap and nobody starves":              turnsApart,
		"what politeness makes of a crawl":                    pace,
		"cuts are summed":                                     cuts,
		"a host has so many URLs at most":                     hostLimit,
		"a kind of URL comes so often at most":                patternLimit,
		"a recrawl visits, tells and compares":                recrawl,
		"a large recrawl is copied part by part":              recrawlLarge,
		"a recrawl by levels waits for all of its base":       recrawlLevels,
		"a recrawl of nothing is a first crawl":               recrawlNothing,
		"a list is handed out as one":                         lists,
		"a recrawl has the lists of its base":                 listsRecrawled,
		"a session is forgotten when no crawl is open":        sessionForgotten,
		"a session moves with what it carries":                sessionMoves,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, newWorld(t, open))
		})
	}
}

// world is one store with a clock that only the case moves.
type world struct {
	Data
	now atomic.Int64
}

func newWorld(t *testing.T, open Factory) *world {
	t.Helper()
	w := new(world)
	w.now.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	w.Data = open(t, w.clock)
	require.NoError(t, w.Create(t.Context(), tenant))
	return w
}

func (w *world) clock() time.Time        { return time.Unix(0, w.now.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.now.Add(int64(d)) }

// spec is a ticket with limits.
func spec(pages int64, depth int) fleet.TicketInput {
	return fleet.TicketInput{
		Tenant: tenant, ID: ticket, URLs: []string{"http://a.test/"},
		Scope: fleet.Scope{MaxPages: pages, MaxDepth: &depth},
	}
}

// wide is a ticket whose limits do not matter.
func wide() fleet.TicketInput { return spec(1000, fleet.DefaultMaxDepth) }

// claimant is a crawler that holds a claim: it numbers its batches and holds every
// answer to its promises.
type claimant struct {
	w      *world
	ticket fleet.TicketID
	guid   fleet.GUID
	fence  int64
	seq    int64
	last   fleet.ExchangeRequest
	claim  fleet.ClaimAnswer
}

func (w *world) claim(t *testing.T, id fleet.TicketID, epoch int64, in fleet.TicketInput) *claimant {
	t.Helper()
	c, err := w.tryClaim(t, id, epoch, in)
	require.NoError(t, err)
	return c
}

func (w *world) tryClaim(
	t *testing.T, id fleet.TicketID, epoch int64, in fleet.TicketInput,
) (*claimant, error) {
	t.Helper()
	guid := fleet.GUID(fmt.Sprintf("00000000-0000-0000-0000-%012d", epoch))
	a, err := w.Claim(t.Context(), fleet.ClaimRequest{
		Tenant: tenant, Ticket: id, GUID: guid, Epoch: epoch, Want: 100,
	}, in)
	if err != nil {
		return nil, err
	}
	require.True(t, a.Counters.Balanced(), "%+v", a.Counters)
	return &claimant{w: w, ticket: id, guid: guid, fence: a.Fence, claim: a}, nil
}

// begin claims and brings the seeds.
func (w *world) begin(
	t *testing.T, in fleet.TicketInput, seeds ...string,
) (*claimant, fleet.ExchangeAnswer) {
	t.Helper()
	c := w.claim(t, ticket, 1, in)
	require.True(t, c.claim.Seed)
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links(seeds...) })
	return c, a
}

func (c *claimant) exchange(
	t *testing.T, change ...func(*fleet.ExchangeRequest),
) fleet.ExchangeAnswer {
	t.Helper()
	a, err := c.try(t, change...)
	require.NoError(t, err)
	require.True(t, a.Counters.Balanced(), "%+v", a.Counters)
	return a
}

func (c *claimant) try(
	t *testing.T, change ...func(*fleet.ExchangeRequest),
) (fleet.ExchangeAnswer, error) {
	t.Helper()
	c.seq++
	r := fleet.ExchangeRequest{
		Tenant: tenant, Ticket: c.ticket, GUID: c.guid, Fence: c.fence, Seq: c.seq, Want: 100,
	}
	for _, f := range change {
		f(&r)
	}
	c.last = r
	return c.w.Exchange(t.Context(), r)
}

// report sends pages.
func (c *claimant) report(t *testing.T, pages ...fleet.PageResult) fleet.ExchangeAnswer {
	t.Helper()
	return c.exchange(t, with(pages...))
}

// again sends the last batch once more.
func (c *claimant) again(t *testing.T) fleet.ExchangeAnswer {
	t.Helper()
	a, err := c.w.Exchange(t.Context(), c.last)
	require.NoError(t, err)
	return a
}

func with(pages ...fleet.PageResult) func(*fleet.ExchangeRequest) {
	return func(r *fleet.ExchangeRequest) { r.Pages = pages }
}

func want(n int) func(*fleet.ExchangeRequest) {
	return func(r *fleet.ExchangeRequest) { r.Want = n }
}

func links(urls ...string) []fleet.Link {
	list := make([]fleet.Link, len(urls))
	for i, u := range urls {
		list[i] = fleet.Link{URL: u, Key: u}
	}
	return list
}

func page(u fleet.FrontierURL, o fleet.PageOutcome, to ...string) fleet.PageResult {
	p := fleet.PageResult{ID: u.ID, URL: u.URL, Outcome: o, Links: links(to...)}
	switch o {
	case fleet.PageFetched:
		p.Status, p.Bytes = 200, 10
	case fleet.PageFailed:
		p.Reason = "status 500"
	case fleet.PageSkipped:
		p.Reason = "robots"
	case fleet.PageRedirected:
		p.Status = 301
		for i := range p.Links {
			p.Links[i].Hops = u.Hops + 1
		}
	}
	return p
}

func fetched(u fleet.FrontierURL, to ...string) fleet.PageResult {
	return page(u, fleet.PageFetched, to...)
}

func urls(work []fleet.FrontierURL) []string {
	list := make([]string, len(work))
	for i, u := range work {
		list[i] = u.URL
	}
	return list
}

func (w *world) pages(t *testing.T) []fleet.PageRow {
	t.Helper()
	list, err := w.Pages(t.Context(), tenant, ticket, 0, 10_000)
	require.NoError(t, err)
	return list
}
