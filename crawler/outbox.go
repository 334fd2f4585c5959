package crawler

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// flushPages is how many pages make a batch: the data plane's cost of a
	// transaction is well spread by then, and a kill loses no more than that.
	flushPages = 32
	// flushBytes is when a batch of large pages is sent, maxBatch the most of one
	// exchange: with what JSON adds it stays below what the data plane takes.
	flushBytes, maxBatch = 1 << 20, 8 << 20
	// linkCost is what a link takes besides its text, in memory and as JSON.
	linkCost = 64
	// maxBacklog is when nothing is begun until the data plane has taken some of it.
	maxBacklog = 2 * maxBatch
	// flushAfter is how long a finished page waits for company at most: readers of
	// results see it by then.
	flushAfter = 250 * time.Millisecond
	// flushAhead is how long before a host may be asked again a batch is sent that it
	// waits for: an exchange, on a busy machine.
	flushAhead = 20 * time.Millisecond
	// heartbeat is the longest time without an exchange: cancels are heard by it.
	heartbeat = time.Second
	// emptyPoll is how soon to ask again when the data plane has nothing to hand
	// out, does not say until when, and has not ended the crawl.
	emptyPoll = 100 * time.Millisecond
	// knownLinks bounds the memory of links that need not be sent again: with
	// usual URLs some 15 MB.
	knownLinks = 100_000
)

// outbox collects what goes to the data plane, and has at most one exchange
// under way.
type outbox struct {
	plane   DataPlane
	request fleet.ExchangeRequest // who asks under which fence; Seq of the last one

	maxDepth int

	seeds []fleet.Link
	pages []fleet.PageResult
	bytes int
	since time.Time // when the first of pages was added
	by    time.Time // when a host may be asked for what pages link to; zero for no hurry
	// known are the keys of links that were sent before, with their depth then. A
	// site's navigation is on every page: without this most of what is sent would
	// be links that the frontier has.
	known map[string]int

	sending bool
	flushed bool // the exchange under way or done has everything
	sent    time.Time
	askAt   time.Time // with nothing to do, when to ask for work again
	answers chan answer
}

type answer struct {
	fleet.ExchangeAnswer
	err error
}

// load is how busy the crawl is, for due.
type load struct {
	held     int       // URLs that were handed out and are not finished
	low      bool      // workers may run out of work soon
	finished bool      // draining, and nothing is being fetched any more
	turn     time.Time // when a turn has to be asked for; zero for never
}

func newOutbox(plane DataPlane, id fleet.ExchangeRequest, maxDepth int) *outbox {
	return &outbox{
		plane: plane, request: id, maxDepth: maxDepth, sent: time.Now(),
		known: map[string]int{}, answers: make(chan answer, 1),
	}
}

// add puts a finished page, found at a depth, into the next batch.
func (o *outbox) add(p fleet.PageResult, depth int, now time.Time) {
	if !p.Retry && p.Outcome == fleet.PageFetched {
		var deep int64
		p.Links, deep = o.unknown(p.Links, depth+1)
		p.Cut.Depth += deep
	}
	if len(o.pages) == 0 {
		o.since = now
	}
	o.pages = append(o.pages, p)
	o.bytes += weight(p)
}

// hurry has the batch sent so early that what it is answered is there at a time.
func (o *outbox) hurry(at time.Time) { o.by = earlier(o.by, at.Add(-flushAhead)) }

// weight is about how many bytes a page takes in a batch.
func weight(p fleet.PageResult) int {
	n := len(p.URL) + len(p.Title)
	for _, l := range p.Links {
		n += len(l.URL) + len(l.Key) + linkCost
	}
	return n + fieldsWeight(p.Fields)
}

func fieldsWeight(fields map[string]any) (n int) {
	for name, v := range fields {
		n += len(name) + valueWeight(v)
	}
	return n
}

func valueWeight(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []string:
		for _, s := range v {
			n += len(s)
		}
	case []any:
		for _, one := range v {
			n += valueWeight(one)
		}
	case map[string]any:
		return fieldsWeight(v)
	default:
		return 8 // a number, a truth value, nothing
	}
	return n
}

// unknown drops the links that were sent before at the same depth or a lesser one, and
// counts those that lie too deep to be sent at all.
func (o *outbox) unknown(links []fleet.Link, depth int) (kept []fleet.Link, deep int64) {
	kept = links[:0]
	for _, l := range links {
		at := depth
		if l.Seed {
			at = 0
		}
		if !o.know(l.Key, at) {
			continue
		}
		if at > o.maxDepth {
			deep++
			continue
		}
		kept = append(kept, l)
	}
	return kept, deep
}

// know remembers a URL, and reports whether it is news that there is one at this depth.
func (o *outbox) know(key string, depth int) bool {
	if at, ok := o.known[key]; ok && at <= depth {
		return false
	}
	if len(o.known) >= knownLinks {
		clear(o.known) // all are sent again, once: simple, and right
	}
	o.known[key] = depth
	return true
}

// due reports whether to send now, and else when to look again.
func (o *outbox) due(now time.Time, l load) (bool, time.Time) {
	if o.sending {
		return false, time.Time{}
	}
	if o.seeds != nil || l.finished || len(o.pages) >= flushPages || o.bytes >= flushBytes ||
		len(o.pages) > 0 && l.low {
		return true, time.Time{}
	}
	at := earlier(o.sent.Add(heartbeat), l.turn)
	if len(o.pages) > 0 {
		at = earlier(earlier(at, o.since.Add(flushAfter)), o.by)
	} else if l.held == 0 && o.askAt.Before(at) {
		at = o.askAt
	}
	return !at.After(now), at
}

// send exchanges the batch for what is asked, in a goroutine that ends with ctx.
func (o *outbox) send(ctx context.Context, now time.Time, ask fleet.ExchangeRequest) {
	o.request.Seq++
	r := o.request
	r.Seeds, r.Pages = o.seeds, o.batch()
	r.Want, r.PerHost, r.Hosts = ask.Want, ask.PerHost, ask.Hosts
	r.Session = ask.Session
	o.seeds, o.by = nil, time.Time{}
	o.sending, o.flushed, o.sent = true, true, now
	go func() {
		a, err := o.plane.Exchange(ctx, r)
		o.answers <- answer{a, err}
	}()
}

// batch takes the pages of one exchange, all but in the rarest of cases.
func (o *outbox) batch() []fleet.PageResult {
	pages := o.pages
	if o.bytes <= maxBatch {
		o.pages, o.bytes = nil, 0
		return pages
	}
	n, total := 0, 0
	for n < len(pages) && (n == 0 || total+weight(pages[n]) <= maxBatch) {
		total += weight(pages[n])
		n++
	}
	o.pages, o.bytes = pages[n:], o.bytes-total
	return pages[:n:n]
}

// answered notes that the exchange under way has ended.
func (o *outbox) answered(a answer, now time.Time) {
	o.sending = false
	pause := emptyPoll
	if len(a.Work) > 0 {
		pause = 0
	} else if a.NotBefore > 0 {
		pause = a.NotBefore.Std()
	}
	o.askAt = now.Add(pause)
}

// handedOver reports whether the data plane has everything that there was.
func (o *outbox) handedOver() bool { return o.flushed && !o.sending && len(o.pages) == 0 }

// wait waits for the exchange under way, whose context has ended.
func (o *outbox) wait() {
	if o.sending {
		<-o.answers
	}
}
