package crawler

import (
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// reasonNoIndex is the reason of a page that wants nothing of it kept.
const reasonNoIndex = "noindex"

// directed notes what a fetched page says to crawlers and, where the ticket wants it, has
// its way.
func (c *crawl) directed(p *fleet.PageResult, resp fetch.Response, isHTML bool) {
	var body []byte
	if isHTML {
		body = resp.Body
	}
	d := robots.Direct(resp.Header.Values("X-Robots-Tag"), body, Product)
	p.Notes.Robots = d.String()
	if d.NoFollow && c.spec.Fetch.ObeyNoFollow {
		p.Cut.NoFollow += int64(len(p.Links))
		p.Links = nil
	}
	if d.NoIndex && c.spec.Fetch.ObeyNoIndex {
		notes := fleet.Notes{Robots: p.Notes.Robots}
		p.Outcome, p.Reason, p.Notes = fleet.PageSkipped, reasonNoIndex, notes
		p.Title, p.Fields, p.Bytes, p.SHA256 = "", nil, 0, ""
	}
}
