package crawler

import (
	"net/http"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxValidator bounds what is kept of a site's own words for a state of a page: a real
// one is a digest or a date.
const maxValidator = 256

// reasonScope is of a page of the earlier ticket that does not belong to this one.
const reasonScope = "out of scope"

// strayed ends a page that the earlier ticket has fetched and that is not in the scope of
// this one. Seeds are, whatever the scope says.
func (c *crawl) strayed(u fleet.FrontierURL, at urlkey.URL) bool {
	if u.Prior == nil || u.Depth == 0 || c.scope.contains(at) {
		return false
	}
	c.outbox.add(fleet.PageResult{
		ID: u.ID, URL: u.URL, Outcome: fleet.PageSkipped, Reason: reasonScope,
	}, u.Depth, time.Now())
	return true
}

// since is what a site is asked whether the page has changed from.
func since(p *fleet.Prior) fetch.Validators {
	if p == nil {
		return fetch.Validators{}
	}
	return fetch.Validators{ETag: p.ETag, LastModified: p.LastModified}
}

func before(p *fleet.Prior) string {
	if p == nil {
		return ""
	}
	return p.SHA256
}

// unchanged is the end of a page that is what it was: its digest is still the same, and
// so are the words for it where the site has no new ones.
func unchanged(page *fleet.PageResult, p *fleet.Prior) {
	page.Outcome, page.Reason, page.SHA256, page.Bytes = fleet.PageNotModified, "", p.SHA256, 0
	if page.ETag == "" {
		page.ETag = p.ETag
	}
	if page.LastModified == "" {
		page.LastModified = p.LastModified
	}
}

// validator is a header that is sent back one day: one that could not be is left out.
func validator(h http.Header, name string) string {
	v := h.Get(name)
	if len(v) > maxValidator {
		return ""
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return ""
		}
	}
	return v
}
