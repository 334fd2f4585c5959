package crawler

import (
	"errors"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/trap"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// seed brings the ticket's URLs to a frontier that has none yet.
func (c *crawl) seed(seeds []urlkey.URL) {
	for _, u := range seeds {
		u = c.canon.Of(u)
		c.window.lane(u).host.awaited = true // its turn is asked for with the seed
		c.outbox.seeds = append(c.outbox.seeds, c.link(u))
	}
}

// link is how the data plane hears of a URL.
func (c *crawl) link(u urlkey.URL) fleet.Link {
	l := fleet.Link{URL: u.URL, Key: u.Key}
	if c.spec.Scope.MaxPerPattern > 0 {
		l.Pattern = u.Pattern()
	}
	return l
}

// follow puts the links that belong to the ticket into a page's result, and counts
// those that are cut.
func (c *crawl) follow(
	p *fleet.PageResult, at urlkey.URL, base urlkey.Base, links []string, belongs func(urlkey.URL) bool,
) {
	seen, total, now := map[string]struct{}{at.Key: {}}, 0, time.Now()
	for _, href := range links {
		u, err := base.Resolve(href)
		if errors.Is(err, urlkey.ErrLength) {
			p.Cut.Length++
		}
		if err != nil {
			continue // mailto:, javascript: and what nobody could follow
		}
		u = c.canon.Of(u)
		if _, twice := seen[u.Key]; twice || !belongs(u) {
			continue
		}
		seen[u.Key] = struct{}{}
		if c.trapped(u, &p.Cut, now) {
			continue
		}
		if total += len(u.URL) + len(u.Key); total > maxLinks {
			p.Reason = reasonLinks
			p.Cut.Page++
			continue
		}
		p.Links = append(p.Links, c.link(u))
	}
}

// trapped reports whether a link looks like one of a trap, and counts it.
func (c *crawl) trapped(u urlkey.URL, cut *fleet.Cuts, now time.Time) bool {
	if c.spec.Scope.Traps == fleet.TrapsFollow {
		return false
	}
	switch trap.Look(u.PathQuery(), now) {
	case trap.Repetition:
		cut.Repetition++
	case trap.Calendar:
		cut.Calendar++
	case trap.None:
		return false
	}
	return true
}
