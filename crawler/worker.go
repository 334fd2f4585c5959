package crawler

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/crawler/challenge"
	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// The reasons of pages that no table of statuses or errors gives. They do not
// differ from page to page, so that they can be counted. docs/crawling.md has each of them.
const (
	reasonInternal      = "internal"
	reasonRobots        = "robots"
	reasonOutOfScope    = "redirect out of scope" // by a port or a pattern
	reasonHops          = "too many redirects"
	reasonBadRedirect   = "redirect to no page"
	reasonRedirectLoops = "redirect to itself"
	// Those that go on with whose, what or when.
	reasonOtherHost = "redirect out of scope: " // the data plane reads the host
	reasonURL       = "url: "
	reasonType      = "content type "
	reasonBlocked   = "blocked by "
	reasonAway      = "robots unreachable: "
	reasonLater     = ", asks to come back after " // behind a status
	// Of pages that are fetched all the same.
	reasonLinks  = "more than 12 MiB of links, the others are not followed"
	reasonFields = "more than 1 MiB of fields, none is kept"
)

const (
	// maxHops is how many redirects lead to a page, as browsers and RFC 9110's
	// implementations have it.
	maxHops = 10
	// maxLinks and maxFields bound, in bytes, what one page adds to a batch. A page
	// that has more says so in its reason.
	maxLinks, maxFields = 12 << 20, 1 << 20
	// panicPause is how soon a robots.txt whose reading panicked is read again.
	panicPause = time.Minute
)

// work does jobs until there are no more.
func (c *crawl) work(f Fetcher) {
	for j := range c.jobs {
		c.results <- c.do(f, j)
	}
}

// do does one job. A panic in a parser or in Colly costs that page and nothing else.
func (c *crawl) do(f Fetcher, j job) (r result) {
	r.job = j
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		c.engine.log.Error("a page panicked", zap.String("url", j.item.URL),
			zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
		if j.item.URL == "" {
			r.entry = &robots.Entry{
				Rules: robots.Everything(), Err: errors.New(reasonInternal),
				Until: time.Now().Add(panicPause),
			}
			return
		}
		r.page = c.failed(j.item, reasonInternal)
	}()
	if j.item.URL == "" {
		entry, _, err := c.session.rules.Get(c.fetching, j.lane.origin)
		r.entry, r.interrupted = entry, err != nil
		return r
	}
	return c.page(f, r)
}

// page fetches one URL and reads what came.
func (c *crawl) page(f Fetcher, r result) result {
	it := r.item
	req := fetch.Request{
		URL: it.at.URL, Timeout: c.spec.Fetch.Timeout.Std(), MaxBody: c.spec.Fetch.MaxBody,
		Accept: c.accept, Since: since(it.Prior),
	}
	list := c.streaming(it, &req)
	resp, err := f.Get(c.tracing(r.job), req)
	if err != nil {
		if c.fetching.Err() != nil {
			r.interrupted = true
			return r
		}
		reason, again := fetch.Reason(err)
		r.page = c.failed(it, reason)
		if again {
			c.retry(&r.page, it, 0)
		}
		return r
	}
	r.page = c.envelope(it, resp)
	if r.blocker = challenge.Detect(resp.Status, resp.Header, resp.Body); r.blocker != "" {
		p := c.blocked(it, r.blocker)
		p.Status, p.FetchedAt, p.Took = r.page.Status, r.page.FetchedAt, r.page.Took
		r.page = p
		return r
	}
	switch s := resp.Status; {
	case s == http.StatusNotModified && it.Prior != nil:
		unchanged(&r.page, it.Prior)
	case s >= 200 && s < 300 && resp.Refused:
		r.page.Outcome, r.page.Reason = fleet.PageSkipped, reasonType+typeOf(resp)
	case s >= 200 && s < 300:
		r.page.Outcome, r.page.Reason = fleet.PageFetched, cutReason(resp.Cut)
		c.read(&r.page, it, resp, list)
		c.directed(&r.page, resp, extract.IsHTML(resp.ContentType, resp.Body))
	case isRedirect(s) && resp.Location != "":
		c.redirect(&r, resp)
	case passing(s):
		r.hold = retryAfter(resp.Header, time.Now())
		if r.hold <= longestWait {
			c.retry(&r.page, it, r.hold)
		} else {
			r.page.Reason += reasonLater + r.hold.String()
			r.hold = 0
		}
	}
	return r
}

// A request is taken to have arrived a part of its interval after it was written, and not
// before onItsWay: a machine that is busy on either side takes its time.
const (
	onItsWay = 25 * time.Millisecond
	waysPart = 20
)

// tracing is a context that says when a job's request has arrived: its answer begins. As a
// host may think for long, it is taken to have arrived a while after it was written. Where a host has no interval nobody asks.
func (c *crawl) tracing(j job) context.Context {
	if j.interval == 0 {
		return c.fetching
	}
	arrived := sync.OnceFunc(func() {
		select {
		case c.arrivals <- arrival{j, time.Now()}:
		default: // it is known at the latest with the result
		}
	})
	return httptrace.WithClientTrace(c.fetching, &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { time.AfterFunc(max(onItsWay, j.interval/waysPart), arrived) },
		GotFirstResponseByte: arrived,
	})
}

func isRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	default:
		return false
	}
}

// failed is a page that nothing came back for.
func (c *crawl) failed(it item, reason string) fleet.PageResult {
	return fleet.PageResult{
		ID: it.ID, URL: it.URL, Outcome: fleet.PageFailed, Reason: reason,
		Address: c.engine.address, FetchedAt: time.Now().UTC(),
	}
}

// envelope is what is known of every response; it is a failure until more is known.
func (c *crawl) envelope(it item, resp fetch.Response) fleet.PageResult {
	return fleet.PageResult{
		ID: it.ID, URL: it.URL, Outcome: fleet.PageFailed,
		Reason: robots.StatusError(resp.Status).Error(),
		Status: resp.Status, ContentType: shortType(resp.ContentType),
		Bytes: resp.Size, SHA256: resp.SHA256, Truncated: resp.Cut != fetch.CutNone,
		Address: c.engine.address, FetchedAt: resp.At.UTC(), Took: fleet.Duration(resp.Took),
		ETag: validator(resp.Header, "Etag"), LastModified: validator(resp.Header, "Last-Modified"),
		Before: before(it.Prior),
	}
}

// blocked is a page in whose place a challenge came: nothing of that is kept.
func (c *crawl) blocked(it item, by string) fleet.PageResult {
	p := c.failed(it, reasonBlocked+by)
	p.Outcome = fleet.PageBlocked
	return p
}

// retry puts a page back while it has tries left, not before the host's own wish.
func (c *crawl) retry(p *fleet.PageResult, it item, wish time.Duration) {
	if it.Attempts < *c.spec.Fetch.Retries {
		p.Retry, p.RetryAfter = true, fleet.Duration(max(wish, backoff(it.Attempts)))
	}
}

// redirect makes a redirect's target a page of its own, to which scope, robots,
// politeness and dedupe apply. One that leads to another spelling of the same
// page, or back to it with a cookie, cannot be one: it is fetched again.
func (c *crawl) redirect(r *result, resp fetch.Response) {
	it, p := r.item, &r.page
	to, err := urlkey.NewBase(it.at).Resolve(resp.Location)
	to = c.canon.Of(to)
	switch hops := it.Hops + 1; {
	case err != nil:
		p.Reason = reasonBadRedirect
	case hops > maxHops:
		p.Reason = reasonHops
	case to.Key == it.at.Key && to.URL == it.at.URL && !resp.Cookies:
		p.Reason = reasonRedirectLoops
	case to.Key == it.at.Key:
		it.at, it.Hops = to, hops
		r.again = &it
	case !c.scope.contains(to) && (it.List == "" || !c.leads(it, to)):
		p.Outcome, p.Reason = fleet.PageSkipped, reasonOutOfScope
		if c.scope.asks(to) && !c.scope.reaches(to) {
			p.Reason = reasonOtherHost + to.Host
		}
	default:
		l := c.link(to)
		l.Hops, l.List = hops, it.List
		p.Outcome, p.Reason, p.Links = fleet.PageRedirected, "", []fleet.Link{l}
	}
}

// refused gives the end of a page that robots.txt keeps from being fetched.
func (c *crawl) refused(e *robots.Entry, it item, now time.Time) (fleet.PageResult, bool) {
	if e.Rules.Allowed(it.at.PathQuery()) {
		return fleet.PageResult{}, false
	}
	p := fleet.PageResult{ID: it.ID, URL: it.URL, Outcome: fleet.PageSkipped, Reason: reasonRobots}
	if e.Err == nil {
		return p, true
	}
	p.Outcome = fleet.PageFailed
	reason, again := fetch.Reason(e.Err)
	var status robots.StatusError
	if errors.As(e.Err, &status) {
		reason = status.Error()
	}
	if !again {
		p.Reason = reason
		return p, true
	}
	p.Reason = reasonAway + reason
	c.retry(&p, it, e.Until.Sub(now))
	return p, true
}

// shortType keeps a hostile server from filling a content type.
func shortType(s string) string { return s[:min(len(s), 256)] }
