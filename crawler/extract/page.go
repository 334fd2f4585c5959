package extract

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxTitle bounds a title, in bytes: longer ones are mistakes or malice.
const maxTitle = 1024

// Source is a page to read.
type Source struct {
	Body        []byte
	ContentType string
	// URL is where the page is, for values that are addresses.
	URL urlkey.URL
	// Fields may be nil.
	Fields *Fields
	// Resources asks for what the page is made of as well: images, scripts, styles, and
	// what its own styles refer to.
	Resources bool
}

// maxElements bounds the tree of a page: an element takes some 200 bytes, so that ten MiB of
// empty paragraphs would take half a GiB. Honest pages have some thousand.
const maxElements = 250_000

// Page is what was read of one page. References are as they are written.
type Page struct {
	Title   string
	Charset string
	// Base is the href of the first base element, "" without one.
	Base string
	// Links lead to other pages, each once, in their order.
	Links []string
	// NoFollow are the links that say nofollow.
	NoFollow map[string]bool
	// Feeds lead to what is new, Resources to what the page is made of.
	Feeds, Resources []string
	// Canonical is the address that the page wants to be known by.
	Canonical string
	// Languages are its translations.
	Languages []fleet.Translation
	// Fields are the ticket's fields, nil for no match.
	Fields map[string]any
	// Huge says that the page has too many elements for its fields to be looked for.
	Huge bool
	// Missing are the required fields without a match, Mistyped those whose matches are
	// not of their type.
	Missing, Mistyped []string
}

// Read reads an HTML body.
func Read(s Source) Page {
	text, name := Text(s.Body, s.ContentType)
	r := reader{seen: map[string]struct{}{}, resources: s.Resources}
	r.page.Charset = name
	if s.Fields.none() {
		r.scan(text)
		return r.page
	}
	if bytes.Count(text, []byte("<")) > maxElements {
		r.scan(text)
		r.page.Huge = true
		return r.page
	}
	// Without scripting what stands in noscript elements is markup, as it is for
	// anyone who runs no scripts.
	root, err := html.ParseWithOptions(bytes.NewReader(text), html.ParseOptionEnableScripting(false))
	if err != nil { // only nesting without end
		r.scan(text)
		return r.page
	}
	r.walk(root)
	doc := &document{root: root, source: text}
	if s.URL.URL != "" {
		doc.base, doc.hasURL = r.page.BaseOf(s.URL), true
	}
	r.page.Fields = s.Fields.of(doc, root, "")
	r.page.Missing, r.page.Mistyped = doc.missing, doc.mistyped
	return r.page
}

// BaseOf is what the page's references are relative to.
func (p Page) BaseOf(at urlkey.URL) urlkey.Base {
	base := urlkey.NewBase(at)
	if p.Base == "" {
		return base
	}
	u, err := base.Resolve(p.Base)
	if err != nil {
		return base
	}
	return urlkey.NewBase(u)
}

// reader collects what both ways of reading have in common.
type reader struct {
	page      Page
	seen      map[string]struct{}
	resources bool
	hasTitle  bool
	hasBase   bool
}

func (r *reader) title(text string) {
	if r.hasTitle {
		return
	}
	r.hasTitle = true
	text = strings.ToValidUTF8(collapse(text), "\uFFFD")
	if len(text) > maxTitle {
		cut := maxTitle
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	r.page.Title = text
}

// collapse trims text and makes one space of all white space inside.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

// scan reads the page token by token: a third of a tree's cost.
func (r *reader) scan(text []byte) {
	z := html.NewTokenizer(bytes.NewReader(text))
	svg := 0 // an svg has titles of its own
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch tag := atom.Lookup(name); tag {
			case atom.Noscript:
				z.NextIsNotRawText()
			case atom.Svg:
				if kind == html.StartTagToken {
					svg++
				}
			case atom.Title:
				if svg == 0 && !r.hasTitle && z.Next() == html.TextToken {
					r.title(string(z.Text()))
				}
			default:
				if r.refers(tag) && more {
					r.element(tokenTag(z, tag))
				}
				if tag == atom.Style && r.resources && z.Next() == html.TextToken {
					css := string(z.Text())
					r.styles(&css)
				}
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); svg > 0 && atom.Lookup(name) == atom.Svg {
				svg--
			}
		}
	}
}

// walk reads the page's tree, in document order.
func (r *reader) walk(doc *html.Node) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.DataAtom == atom.Title && n.Namespace == "" {
			r.title(text(n))
			continue
		}
		if !r.refers(n.DataAtom) {
			continue
		}
		t := tag{kind: n.DataAtom}
		for _, a := range n.Attr {
			if v := t.place(a.Key); v != nil && a.Namespace == "" && *v == nil {
				*v = &a.Val
			}
		}
		r.element(t)
		if n.DataAtom == atom.Style && r.resources && n.FirstChild != nil {
			r.styles(&n.FirstChild.Data)
		}
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val, true
		}
	}
	return "", false
}

// text is all text inside an element, without scripts and styles.
func text(n *html.Node) string {
	var b strings.Builder
	var add func(*html.Node)
	add = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.DataAtom == atom.Script, n.DataAtom == atom.Style:
		default:
			for c := range n.ChildNodes() {
				add(c)
			}
		}
	}
	for c := range n.ChildNodes() {
		add(c)
	}
	return b.String()
}
