package crawler

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/source"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// reasonEntries is of a sitemap or feed that is longer than what one may add.
const reasonEntries = "cut: more than 50000 entries or 50 MiB, or its end is missing"

// reasonHuge is of a page that is fetched and followed, and whose fields are not read.
const reasonHuge = "more than 250000 elements, fields are not read"

// read takes what a fetched body has to say: a page's title, links and fields, a
// sitemap's or feed's entries.
func (c *crawl) read(p *fleet.PageResult, it item, resp fetch.Response, list *source.List) {
	switch s := c.spec.Sources; {
	case it.List == "" && extract.IsHTML(resp.ContentType, resp.Body):
		c.readPage(p, it.at, resp)
	case it.List == "" && s.Resources && extract.IsCSS(resp.ContentType):
		text, _ := extract.Text(resp.Body, resp.ContentType)
		c.follow(p, it.at, urlkey.NewBase(it.at), extract.Styles(string(text)), c.scope.contains)
	case it.List != "" || s.Sitemaps || s.Feeds:
		if list == nil {
			read := source.Read(bytes.NewReader(resp.Body), c.listWanted(it))
			list = &read
		}
		c.readList(p, it, *list)
	}
}

// readPage puts a page's title, links and fields into its result.
func (c *crawl) readPage(p *fleet.PageResult, at urlkey.URL, resp fetch.Response) {
	page := extract.Read(extract.Source{
		Body: resp.Body, ContentType: resp.ContentType, URL: at, Fields: c.fields,
		Resources: c.spec.Sources.Resources,
	})
	base := page.BaseOf(at)
	p.Title, p.Fields, p.Notes = page.Title, page.Fields, notes(page, base)
	if page.Huge {
		p.Reason = reasonHuge
	}
	if fieldsWeight(p.Fields) > maxFields {
		p.Fields, p.Reason = nil, reasonFields
	}
	links, refused := page.Links, []string(nil)
	if c.spec.Fetch.ObeyNoFollow {
		links, refused = endorsed(page)
	}
	if c.spec.Sources.Feeds {
		links = slices.Concat(links, page.Feeds)
	}
	c.follow(p, at, base, slices.Concat(links, page.Resources), c.scope.contains)
	c.leave(p, at, base, refused)
}

// endorsed divides a page's links into those that may be followed and those that say nofollow.
func endorsed(page extract.Page) (kept, refused []string) {
	for _, href := range page.Links {
		if page.NoFollow[href] {
			refused = append(refused, href)
		} else {
			kept = append(kept, href)
		}
	}
	return kept, refused
}

// leave counts the links that would have been followed, and that no other link of the page
// leads to.
func (c *crawl) leave(p *fleet.PageResult, at urlkey.URL, base urlkey.Base, refused []string) {
	var left fleet.PageResult
	c.follow(&left, at, base, refused, c.scope.contains)
	if len(left.Links) == 0 {
		return
	}
	followed := make(map[string]bool, len(p.Links))
	for _, l := range p.Links {
		followed[l.Key] = true
	}
	for _, l := range left.Links {
		if !followed[l.Key] {
			p.Cut.NoFollow++
		}
	}
}

// notes are what a page says of itself, its addresses absolute.
func notes(page extract.Page, base urlkey.Base) fleet.Notes {
	n := fleet.Notes{Missing: page.Missing, Mistyped: page.Mistyped, NoFollow: int64(len(page.NoFollow))}
	if page.Charset != "utf-8" { // nearly all are
		n.Charset = page.Charset
	}
	if u, err := base.Resolve(page.Canonical); page.Canonical != "" && err == nil {
		n.Canonical = u.URL
	}
	for _, l := range page.Languages {
		if u, err := base.Resolve(l.URL); err == nil {
			n.Languages = append(n.Languages, fleet.Translation{Language: shortType(l.Language), URL: u.URL})
		}
	}
	return n
}

// readList puts the entries of a sitemap, a feed or a list of URLs into a result. They are
// seeds, and those of an index are lists as the index is one; what it was found by is written
// with them, so that it outlives this crawl.
func (c *crawl) readList(p *fleet.PageResult, it item, list source.List) {
	belongs := c.scope.contains
	switch {
	case it.List == fleet.ListNamed:
		belongs = func(urlkey.URL) bool { return true }
	case list.Index:
		belongs = func(u urlkey.URL) bool { return c.leads(it, u) }
	}
	c.follow(p, it.at, urlkey.NewBase(it.at), list.URLs, belongs)
	for i := range p.Links {
		p.Links[i].Seed = true
		if list.Index {
			p.Links[i].List = cmp.Or(it.List, fleet.ListAnnounced)
		}
	}
	if list.Cut {
		p.Reason = reasonEntries
	}
}
