package crawler

import (
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// leastSlow is what a host without an interval is slowed down to at first, and
	// longestSlow what it comes to: as much as a Crawl-delay that is honoured.
	leastSlow, longestSlow = time.Second, defaultCrawlDelay
	// lastCall is how long before the end of a turn the last request begins, where there is no
	// interval: it arrives before the next turn.
	lastCall = 100 * time.Millisecond
	// recovered is when a host that was slowed down goes at its own speed again.
	recovered = 50 * time.Millisecond
	// maxStrikes is how many challenges in a row a host may answer before it is given up:
	// more would be hammering.
	maxStrikes = 4
)

// host is the politeness of one crawl towards one host: its clock, and what is known of
// how the host takes it.
type host struct {
	name    string
	next    time.Time // no request before
	running int       // requests under way
	onWay   uint64    // the request that has begun and is not known to have arrived, 0 for none
	queued  int       // URLs in the window
	awaited bool      // it is a seed's, which comes with the first answer

	delay      time.Duration // the ticket's
	crawlDelay time.Duration // the site's, as far as it is honoured
	slow       time.Duration // what the host was slowed down to; 0 for not at all
	slowedAt   time.Time
	note       string // why it is slowed down or given up, for people
	cutDelay   string // that a Crawl-delay was cut, for people
	strikes    int    // challenges in a row
	blocked    string // who keeps us out: the host is given up

	distressed bool // it was since the data plane was told
	turn       turn
	hold       time.Duration // asked for by the host and not told to the data plane yet
	told       fleet.HostUse // what the data plane was told last
}

// interval is the time from one request to the next.
func (h *host) interval() time.Duration { return max(h.delay, h.crawlDelay, h.slow) }

// ready is when the host may be asked next, as far as is known now; false where that is not
// known, and without a turn in which it is.
func (h *host) ready(now time.Time, turns bool) (time.Time, bool) {
	if h.blocked != "" { // nothing is asked of it any more
		return time.Time{}, true
	}
	interval := h.interval()
	if interval > 0 && h.onWay != 0 { // the interval counts from when it arrives
		return time.Time{}, false
	}
	if !turns {
		return h.next, true
	}
	at := h.next
	if h.turn.from.After(at) {
		at = h.turn.from
	}
	first := at // a request begins: not in the past, whose turn may be over
	if now.After(first) {
		first = now
	}
	own := interval == 0 || !h.turn.shared
	return at, own && !first.Add(max(interval, lastCall)).After(h.turn.until)
}

// ask counts a request that begins now.
func (h *host) ask(now time.Time, serial uint64) {
	h.running++
	h.onWay = serial
	h.wait(now, h.interval())
}

// arrived notes when a request had arrived: a connection may take its time, and what the
// host sees is what the interval is kept for. False where that is known already.
func (h *host) arrived(serial uint64, at time.Time) bool {
	if h.onWay != serial {
		return false
	}
	h.onWay = 0
	h.wait(at, h.interval())
	return true
}

// wait keeps the host from being asked for a while.
func (h *host) wait(now time.Time, d time.Duration) {
	if next := now.Add(d); next.After(h.next) {
		h.next = next
	}
}

// obey takes a site's Crawl-delay over, up to the longest that is honoured.
func (h *host) obey(delay, longest time.Duration) {
	if delay > longest {
		h.cutDelay = fmt.Sprintf("Crawl-delay %s is cut to %s", delay, longest)
		delay = longest
	}
	h.crawlDelay = max(h.crawlDelay, delay)
}

// distress slows the host down: twice the interval for each sign that is not an answer to
// what was asked before the last one. wish is how long it asked to be left alone.
func (h *host) distress(why string, begun, now time.Time, wish time.Duration) {
	h.distressed = true
	if !begun.Before(h.slowedAt) {
		h.slow = min(max(2*h.interval(), leastSlow), longestSlow)
		h.slowedAt, h.note = now, "slowed down: "+why
	}
	h.wait(now, max(wish, h.slow))
	h.hold = max(h.hold, wish)
}

// learn takes over what another crawl of the tenant has slowed the host down to, or that it
// has recovered there. What the host has told us in the meantime counts more.
func (h *host) learn(slow time.Duration, now time.Time) {
	if slow = min(slow, longestSlow); h.distressed && slow <= h.slow {
		return
	}
	if slow > h.slow {
		h.slowedAt = now // what was asked before is no new sign
	}
	switch h.slow = slow; {
	case slow == 0:
		h.note = ""
	case h.note == "":
		h.note = "slowed down: by what it answered another ticket"
	}
}

// relief lets a host that answers well recover, by a tenth each time.
func (h *host) relief() {
	h.strikes = 0
	if h.slow == 0 {
		return
	}
	if h.slow -= h.slow / 10; h.slow < max(recovered, h.delay, h.crawlDelay) {
		h.slow, h.note = 0, ""
	}
}

// challenged counts a challenge, and reports whether the host may be asked again later.
func (h *host) challenged(vendor string, begun, now time.Time) bool {
	h.distress(reasonBlocked+vendor, begun, now, 0)
	if h.strikes++; h.strikes >= maxStrikes && h.blocked == "" {
		h.blocked, h.note = vendor, "given up: "+reasonBlocked+vendor
	}
	return h.blocked == ""
}

// notes are what people should know of the host.
func (h *host) notes() string {
	switch {
	case h.note == "":
		return h.cutDelay
	case h.cutDelay == "":
		return h.note
	default:
		return h.note + "; " + h.cutDelay
	}
}
