package crawler

import (
	"bufio"
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/source"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxAnnounced bounds the sitemaps that one robots.txt can name.
const maxAnnounced = 100

// announced takes over which sitemaps a lane's robots.txt names. They may be on another
// host: who can write the robots.txt may say so (sitemaps.org, "Sitemaps & Cross Submits").
func (c *crawl) announced(l *lane) {
	if !c.spec.Sources.Sitemaps || l.rules == nil || l.heard {
		return
	}
	l.heard = true
	for _, raw := range l.rules.Rules.Sitemaps[:min(len(l.rules.Rules.Sitemaps), maxAnnounced)] {
		u, err := urlkey.Parse(raw)
		if err != nil {
			continue
		}
		to := c.link(c.canon.Of(u))
		to.Seed, to.List = true, fleet.ListAnnounced
		l.sitemaps = append(l.sitemaps, to)
	}
}

// announce adds the sitemaps of a lane to the first of its results that can carry them.
func (c *crawl) announce(l *lane, p *fleet.PageResult) {
	if len(l.sitemaps) == 0 || p.Retry || p.Outcome == fleet.PageRedirected {
		return
	}
	p.Links, l.sitemaps = slices.Concat(p.Links, l.sitemaps), nil
}

// streaming has a sitemap, and whatever else is known to be a list, read as it comes, as
// much of it as its protocol allows. What is read is in the answer when the request is done;
// its zero value says that it was none after all.
func (c *crawl) streaming(it item, req *fetch.Request) *source.List {
	name, _, _ := strings.Cut(it.at.PathQuery(), "?")
	ext := strings.ToLower(path.Ext(name))
	if it.List == "" && (!c.spec.Sources.Sitemaps || ext != ".xml" && ext != ".gz") {
		return nil
	}
	list := new(source.List)
	req.MaxBody = max(req.MaxBody, source.MaxBytes)
	req.Take = func(contentType string, body io.Reader) []byte {
		in := bufio.NewReaderSize(body, headOfList)
		head, _ := in.Peek(headOfList) // what there is; an error comes again
		if it.List == "" && extract.IsHTML(contentType, head) {
			whole, _ := io.ReadAll(in) // whose errors the fetch knows
			return whole
		}
		head = bytes.Clone(head)
		*list = source.Read(in, c.listWanted(it))
		return head
	}
	return list
}

// headOfList is what is kept of a list's body: enough to tell a challenge that came in its place.
const headOfList = 64 << 10

// listWanted says what a body is read for.
func (c *crawl) listWanted(it item) source.Wanted {
	s, isList := c.spec.Sources, it.List != ""
	return source.Wanted{Sitemaps: s.Sitemaps || isList, Feeds: s.Feeds || isList, Plain: isList}
}

// listKind is what a URL is read as. A recrawl is handed the kinds that they were of in the
// earlier ticket, which may have read other sources.
func (c *crawl) listKind(u fleet.FrontierURL, at urlkey.URL) fleet.ListKind {
	switch {
	case c.files[at.Key]:
		return fleet.ListNamed
	case u.List == fleet.ListNamed && len(c.files) == 0, u.List == fleet.ListAnnounced && !c.spec.Sources.Sitemaps:
		return ""
	default:
		return u.List
	}
}

// leads reports whether a redirect or a sitemap index may lead from a list to another one:
// what the scope's patterns say is of pages.
func (c *crawl) leads(it item, to urlkey.URL) bool {
	return to.Host == it.at.Host || c.scope.reaches(to)
}
