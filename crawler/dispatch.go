package crawler

import "time"

// longestCrawlDelay bounds a robots.txt's Crawl-delay: with more a site of a
// thousand pages would take a day, and nobody means that.
const longestCrawlDelay = time.Minute

// dispatch gives workers what may be fetched now, and says when there is more.
func (c *crawl) dispatch(now time.Time) time.Time {
	for c.running < c.limit && !c.stopping {
		l, at := c.window.next(now, c.share())
		if l == nil {
			return at
		}
		if l.rules == nil || now.After(l.rules.Until) {
			l.rules = c.engine.robots.Peek(l.origin)
		}
		if l.rules == nil {
			l.asking, l.asked = true, now
			c.pace(l, now)
			c.start(job{lane: l})
			continue
		}
		it := c.window.take(l)
		if page, refused := c.refused(l.rules, it, now); refused {
			c.outbox.add(page, it.Depth, now)
		} else {
			c.pace(l, now)
			c.start(job{lane: l, item: it})
		}
		c.window.offer(l)
	}
	return time.Time{}
}

// share is how many requests one host may have under way. Where there are others
// it is three quarters of what the ticket may have, or else a host that never
// answers would hold every worker.
func (c *crawl) share() int {
	if len(c.window.hosts) < 2 {
		return c.limit
	}
	return max(1, c.limit*3/4)
}

// pace keeps the lane's host from being asked again too soon.
func (c *crawl) pace(l *lane, now time.Time) {
	interval := c.spec.Fetch.Delay.Std()
	if l.rules != nil {
		interval = max(interval, min(l.rules.Rules.Delay, longestCrawlDelay))
	}
	if next := now.Add(interval); interval > 0 && next.After(l.host.next) {
		l.host.next = next
	}
}

func (c *crawl) start(j job) {
	if c.running == c.workers {
		c.workers++
		c.owned.Go(func() { c.work(c.engine.visitor(c.jar)) })
	}
	c.running++
	j.lane.host.running++
	c.jobs <- j
}

// finish takes what a worker brought.
func (c *crawl) finish(r result, now time.Time) {
	c.running--
	r.lane.host.running--
	if hold := now.Add(r.hold); r.hold > 0 && hold.After(r.lane.host.next) {
		r.lane.host.next = hold
	}
	switch {
	case r.interrupted:
		// The data plane hands it out again with the next claim.
	case r.entry != nil:
		r.lane.asking, r.lane.rules = false, r.entry
		c.pace(r.lane, r.lane.asked) // a Crawl-delay counts from that request on
		c.window.offer(r.lane)
	case r.again != nil:
		c.window.add(*r.again, true)
	default:
		c.outbox.add(r.page, r.item.Depth, now)
	}
}
