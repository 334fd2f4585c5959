package crawler

import "time"

const (
	// leastWindow keeps a small concurrency from waiting for exchanges.
	leastWindow = 48
	// maxWindow bounds the window of a ticket with many hosts.
	maxWindow = 1024
)

// windowSize is how many URLs a crawl holds: what is being fetched, a batch that
// is being collected, and enough for the time of an exchange.
func windowSize(concurrency int) int { return max(leastWindow, 5*concurrency) }

func (c *crawl) held() int { return c.window.queued + c.running }

// want is how many URLs to ask for, and how many of one host may be held. Where there
// are several hosts, each may fill a window of its own, or else a slow one would keep the
// others from being fetched.
func (c *crawl) want() (all, perHost int) {
	size := windowSize(c.limit)
	if c.stopping {
		return 0, size
	}
	if c.scope.many() {
		return max(0, maxWindow-c.held()), size
	}
	return max(0, size-c.held()), 0
}

func (c *crawl) load(now time.Time) load {
	return load{
		turn:     c.window.turnDue(now),
		held:     c.held(),
		low:      c.window.queued <= c.limit,
		finished: c.stopping && c.running == 0 && !c.outbox.handedOver(),
	}
}
