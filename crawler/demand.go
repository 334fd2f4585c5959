package crawler

import "time"

const (
	// leastWindow keeps a small concurrency from waiting for exchanges.
	leastWindow = 48
	// maxWindow bounds the window of a ticket with many hosts, whose URLs may all
	// wait for one of them.
	maxWindow = 1024
)

// windowSize is how many URLs a crawl holds: what is being fetched, a batch that
// is being collected, and enough for the time of an exchange.
func windowSize(concurrency int) int { return max(leastWindow, 5*concurrency) }

func (c *crawl) held() int { return c.window.queued + c.running }

// want is how many URLs to ask for. Where there are several hosts, URLs that wait
// for theirs do not count, or else a slow host would fill the window and keep
// the others from being fetched.
func (c *crawl) want(now time.Time) int {
	if c.stopping {
		return 0
	}
	size := windowSize(c.limit)
	if len(c.scope.hosts) > 1 {
		size = min(size+c.window.waiting(now.Add(flushAfter)), maxWindow)
	}
	return max(0, size-c.held())
}

func (c *crawl) load() load {
	return load{
		held:     c.held(),
		low:      c.window.queued <= c.limit,
		finished: c.stopping && c.running == 0 && !c.outbox.handedOver(),
	}
}
