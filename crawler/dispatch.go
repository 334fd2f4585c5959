package crawler

import (
	"net/http"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// defaultCrawlDelay bounds a robots.txt's Crawl-delay where the ticket does not: with more
// a site of a thousand pages would take a day, and hardly anybody means that.
const defaultCrawlDelay = time.Minute

// dispatch gives workers what may be fetched now, and says when there is more.
func (c *crawl) dispatch(now time.Time) time.Time {
	for c.running < c.limit && !c.stopping && c.outbox.bytes < maxBacklog {
		l, at := c.window.next(now, c.share())
		if l == nil {
			return at
		}
		switch {
		case l.host.blocked != "":
			it := c.window.take(l)
			c.outbox.add(c.blocked(it, l.host.blocked), it.Depth, now)
		case !c.ruled(l, now):
			l.asking = true
			c.start(job{lane: l, begun: now})
		default:
			c.announced(l)
			it := c.window.take(l)
			if page, refused := c.refused(l.rules, it, now); refused {
				c.announce(l, &page)
				c.outbox.add(page, it.Depth, now)
			} else {
				c.start(job{lane: l, item: it, begun: now})
			}
		}
		c.window.offer(l)
	}
	return time.Time{}
}

// ruled reports whether the lane's robots.txt is known.
func (c *crawl) ruled(l *lane, now time.Time) bool {
	if l.rules != nil && !now.After(l.rules.Until) {
		return true
	}
	if c.spec.Fetch.Robots == fleet.RobotsIgnore { // the plan allows it; see fleet.Plan
		l.rules = &robots.Entry{Until: now.Add(time.Hour)}
		return true
	}
	return c.rule(l, c.session.rules.Peek(l.origin))
}

// rule takes over what a robots.txt says.
func (c *crawl) rule(l *lane, e *robots.Entry) bool {
	l.rules = e
	if e == nil {
		return false
	}
	longest := defaultCrawlDelay
	if most := c.spec.Fetch.MaxCrawlDelay; most != nil {
		longest = most.Std()
	}
	l.host.obey(e.Rules.Delay, longest)
	return true
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

func (c *crawl) start(j job) {
	if c.running == c.workers {
		c.workers++
		c.owned.Go(func() { c.work(c.engine.visitor(c.session)) })
	}
	c.running++
	c.serial++
	j.serial, j.interval = c.serial, j.lane.host.interval()
	j.lane.host.ask(j.begun, j.serial)
	c.jobs <- j
}

// arrived lets the next request to a job's host be timed.
func (c *crawl) arrived(j job, at time.Time) {
	if j.lane.host.arrived(j.serial, at) {
		c.window.unpark()
	}
}

// finish takes what a worker brought.
func (c *crawl) finish(r result, now time.Time) {
	c.running--
	h := r.lane.host
	h.running--
	c.arrived(r.job, now) // if nobody has said so, and at the latest
	switch {
	case r.interrupted:
		// The data plane hands it out again with the next claim.
	case r.entry != nil:
		r.lane.asking = false
		c.rule(r.lane, r.entry)
		h.wait(now, h.interval()) // its requests were sent at some time before
		c.window.offer(r.lane)
	case r.again != nil:
		h.relief()
		c.window.add(*r.again, true)
	default:
		c.heed(&r, now)
		c.announce(r.lane, &r.page)
		c.outbox.add(r.page, r.item.Depth, now)
		if h.queued == 0 && h.interval() > 0 && len(r.page.Links) > 0 {
			c.outbox.hurry(h.next) // or the host waits for the batch, not for its interval
		}
	}
}

// heed lets the host have its way as its answer asks for.
func (c *crawl) heed(r *result, now time.Time) {
	h := r.lane.host
	switch s := r.page.Status; {
	case r.blocker != "":
		if h.challenged(r.blocker, r.begun, now) {
			c.retry(&r.page, r.item, h.next.Sub(now))
		} else {
			c.window.release(h)
		}
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable:
		h.distress(robots.StatusError(s).Error(), r.begun, now, r.hold)
	case r.hold > 0:
		h.wait(now, r.hold)
		h.hold = max(h.hold, r.hold)
	case s != 0 && !passing(s):
		h.relief()
	}
}
