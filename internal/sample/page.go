package sample

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
)

// Page is what an extraction of a page of HTML has to find.
type Page struct {
	URL string
	// Title is the content of <title>, Heading that of the only h1.
	Title   string
	Heading string
	// Price is the text of .price, such as "€48.50"; Author that of .author. Empty where none.
	Price  string
	Author string
}

// kind is what a page answers with.
type kind int

const (
	document kind = iota + 1 // 200 and HTML
	file                     // 200 and something else
	redirect                 // 3xx and a place to go
	missing                  // 4xx
)

// manner is how a page answers.
type manner int

const (
	promptly  manner = iota + 1 // after the page delay
	slowly                      // after the slow delay
	flakily                     // with 500 until it was asked often enough
	endlessly                   // with a body that never ends
)

// page is one page as the site defines it. The server sends its bytes and the truth walks its
// links; nothing parses the one to get the other.
type page struct {
	at          place
	kind        kind
	manner      manner
	status      int
	contentType string
	body        []byte
	// links are the places that the page links to, in order, repeated where the page does so.
	links []place
	// href is the Location of a redirect as it is sent, to is the place that it means.
	href string
	to   place
	// bottomless marks a page of a trap: behind it is another one, always.
	bottomless bool
	facts      Page
}

// draft is a page of HTML being written. Links can only be written through it, so that what a
// reader sees and what the truth walks are the same.
type draft struct {
	site *Site
	page *page
}

// view is what the layout shows.
type view struct {
	Site    string // name of the host
	Accent  string // colour of the host
	Title   string
	Heading string
	Base    string // <base href>, if any
	Nav     []template.HTML
	Foot    []template.HTML
	Trail   []template.HTML
	Lead    string
	Content template.HTML
	// Padding follows everything else, so that a body cut short has still all its links.
	Padding template.HTML
}

func (s *Site) draft(at place) *draft {
	return &draft{site: s, page: &page{
		at: at, kind: document, manner: promptly, status: http.StatusOK,
		contentType: "text/html; charset=utf-8",
	}}
}

// link writes an anchor and notes its place.
func (d *draft) link(to place, text string, as spelling) template.HTML {
	d.page.links = append(d.page.links, to)
	href := as(d.site.origins, d.page.at, to)
	return template.HTML(fmt.Sprintf(`<a href="%s">%s</a>`,
		template.HTMLEscapeString(href), template.HTMLEscapeString(text)))
}

// to is link in the plain spelling.
func (d *draft) to(to place, text string) template.HTML { return d.link(to, text, plainly) }

// finish renders the page into its layout, with the navigation of its host, and adds it to the
// site. The title is the heading and the name of the host.
func (d *draft) finish(v view) error {
	d.frame(&v)
	v.Title = v.Heading + " · " + v.Site
	var b bytes.Buffer
	if err := d.site.templates.ExecuteTemplate(&b, "layout.html", v); err != nil {
		return fmt.Errorf("render %s: %w", d.page.at.path, err)
	}
	d.page.body = b.Bytes()
	d.page.facts.URL = d.site.url(d.page.at)
	d.page.facts.Title = v.Title
	d.page.facts.Heading = v.Heading
	d.site.pages[d.page.at] = d.page
	return nil
}

// content renders the middle of a page.
func (d *draft) content(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := d.site.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %s with %s: %w", d.page.at.path, name, err)
	}
	return template.HTML(b.String()), nil
}

// frame fills in what all pages of a host share.
func (d *draft) frame(v *view) {
	if d.page.at.host == shop {
		v.Site, v.Accent = "Northlight Supply", "#0f5c5c"
		v.Nav = []template.HTML{
			d.to(place{shop, "/"}, "Home"),
			d.to(place{shop, "/categories"}, "Shop"),
			d.to(place{shop, "/guides/"}, "Guides"),
			d.to(place{shop, "/makers"}, "Makers"),
			d.to(place{journal, "/"}, "Journal"),
			d.to(place{shop, "/cart"}, "Cart"),
		}
		v.Foot = []template.HTML{
			d.to(place{shop, "/about"}, "About"),
			d.to(place{shop, "/contact"}, "Contact"),
			d.to(place{shop, "/shipping"}, "Shipping"),
			d.to(place{shop, "/calendar/2026-01"}, "Calendar"),
		}
		return
	}
	v.Site, v.Accent = "The Northlight Journal", "#7a3b1d"
	v.Nav = []template.HTML{
		d.to(place{journal, "/"}, "Home"),
		d.to(place{journal, "/archive"}, "Archive"),
		d.to(place{journal, "/topics"}, "Topics"),
		d.to(place{journal, "/authors"}, "Authors"),
		d.to(place{shop, "/"}, "Supply"),
	}
	v.Foot = []template.HTML{
		d.to(place{journal, "/colophon"}, "Colophon"),
		d.to(place{journal, "/editor/desk"}, "Editors"),
	}
}

// prose is a page of paragraphs and a list of links.
type prose struct {
	Paragraphs []string
	Links      []template.HTML
}

func (d *draft) finishProse(v view, p prose) error {
	var err error
	if v.Content, err = d.content("prose.html", p); err != nil {
		return err
	}
	return d.finish(v)
}

// card is one entry of a listing.
type card struct {
	Link  template.HTML
	Note  string
	Price string
	Art   template.HTML
}

// listing is a page of entries, with links to its other parts if it has several.
type listing struct {
	Cards []card
	Pager []template.HTML
}

func (d *draft) finishListing(v view, l listing) error {
	var err error
	if v.Content, err = d.content("listing.html", l); err != nil {
		return err
	}
	return d.finish(v)
}

// pager links to all parts of a listing. The first part has no query: it is the listing itself.
func (d *draft) pager(path string, parts int) []template.HTML {
	if parts == 1 {
		return nil
	}
	links := make([]template.HTML, 0, parts)
	for n := range parts {
		links = append(links, d.to(place{d.page.at.host, partPath(path, n)}, fmt.Sprint(n+1)))
	}
	return links
}

// partPath is where the n-th part of a listing is, counted from zero.
func partPath(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s?page=%d", path, n+1)
}
