package crawler

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// flushPages is how many pages make a batch: the data plane's cost of a
	// transaction is well spread by then, and a kill loses no more than that.
	flushPages = 32
	// flushBytes is when a batch of large pages is sent, maxBatch the most of one
	// exchange: with what JSON adds it stays below what the data plane takes.
	flushBytes, maxBatch = 1 << 20, 8 << 20
	// flushAfter is how long a finished page waits for company at most: readers of
	// results see it by then.
	flushAfter = 250 * time.Millisecond
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

	seeds []fleet.Link
	pages []fleet.PageResult
	bytes int
	since time.Time // when the first of pages was added
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
	held     int  // URLs that were handed out and are not finished
	low      bool // workers may run out of work soon
	finished bool // draining, and nothing is being fetched any more
}

func newOutbox(plane DataPlane, id fleet.ExchangeRequest) *outbox {
	return &outbox{
		plane: plane, request: id, sent: time.Now(),
		known: map[string]int{}, answers: make(chan answer, 1),
	}
}

func (o *outbox) seed(seeds []urlkey.URL) {
	for _, u := range seeds {
		o.seeds = append(o.seeds, link(u))
	}
}

// add puts a finished page, found at a depth, into the next batch.
func (o *outbox) add(p fleet.PageResult, depth int, now time.Time) {
	if !p.Retry && p.Outcome == fleet.PageFetched {
		p.Links = o.unknown(p.Links, depth+1)
	}
	if len(o.pages) == 0 {
		o.since = now
	}
	o.pages = append(o.pages, p)
	o.bytes += weight(p)
}

// weight is about how many bytes a page takes in a batch.
func weight(p fleet.PageResult) int {
	n := len(p.URL) + len(p.Title)
	for _, l := range p.Links {
		n += len(l.URL) + len(l.Key)
	}
	return n + fieldsWeight(p.Fields)
}

func fieldsWeight(fields map[string]any) (n int) {
	for _, v := range fields {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []string:
			for _, s := range v {
				n += len(s)
			}
		}
	}
	return n
}

// unknown drops the links that were sent before at the same depth or a lesser one.
func (o *outbox) unknown(links []fleet.Link, depth int) []fleet.Link {
	kept := links[:0]
	for _, l := range links {
		if at, ok := o.known[l.Key]; ok && at <= depth {
			continue
		}
		if len(o.known) >= knownLinks {
			clear(o.known) // all are sent again, once: simple, and right
		}
		o.known[l.Key] = depth
		kept = append(kept, l)
	}
	return kept
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
	at := o.sent.Add(heartbeat)
	if len(o.pages) > 0 {
		at = earlier(at, o.since.Add(flushAfter))
	} else if l.held == 0 && o.askAt.Before(at) {
		at = o.askAt
	}
	return !at.After(now), at
}

// send exchanges the batch for up to want URLs, in a goroutine that ends with ctx.
func (o *outbox) send(ctx context.Context, now time.Time, want int) {
	o.request.Seq++
	r := o.request
	r.Seeds, r.Pages, r.Want = o.seeds, o.batch(), want
	o.seeds = nil
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
