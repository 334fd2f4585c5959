package extract

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxTitle bounds a title, in bytes: longer ones are mistakes or malice.
const maxTitle = 1024

// Page is what was read of one page.
type Page struct {
	Title string
	// Base is the href of the first base element, "" without one.
	Base string
	// Links are the references as they are written, each once, in their order.
	Links []string
	// Fields are the ticket's fields: string, []string, or nil for no match.
	Fields map[string]any
}

// Read reads an HTML body. fields may be nil.
func Read(body []byte, contentType string, fields *Fields) Page {
	text := utf8Text(body, contentType)
	r := reader{seen: map[string]struct{}{}}
	if fields.none() {
		r.scan(text)
		return r.page
	}
	// Without scripting what stands in noscript elements is markup, as it is for
	// anyone who runs no scripts.
	doc, err := html.ParseWithOptions(bytes.NewReader(text), html.ParseOptionEnableScripting(false))
	if err != nil { // only nesting without end
		r.scan(text)
		return r.page
	}
	r.walk(doc)
	r.page.Fields = fields.of(doc)
	return r.page
}

// reader collects what both ways of reading have in common.
type reader struct {
	page     Page
	seen     map[string]struct{}
	hasTitle bool
	hasBase  bool
}

// reference is the attribute in which an element names another page.
func reference(tag atom.Atom) string {
	switch tag {
	case atom.A, atom.Area, atom.Base, atom.Link:
		return "href"
	case atom.Frame, atom.Iframe:
		return "src"
	default:
		return ""
	}
}

// element takes one element that may name another page.
func (r *reader) element(tag atom.Atom, value, rel string) {
	switch {
	case tag == atom.Base:
		if !r.hasBase {
			r.hasBase, r.page.Base = true, value
		}
		return
	case tag == atom.Link && !isNext(rel):
		return
	}
	if _, ok := r.seen[value]; !ok {
		r.seen[value] = struct{}{}
		r.page.Links = append(r.page.Links, value)
	}
}

func isNext(rel string) bool {
	for _, word := range strings.Fields(rel) {
		if strings.EqualFold(word, "next") {
			return true
		}
	}
	return false
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
				if attr := reference(tag); attr != "" && more {
					r.token(z, tag, attr)
				}
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); svg > 0 && atom.Lookup(name) == atom.Svg {
				svg--
			}
		}
	}
}

func (r *reader) token(z *html.Tokenizer, tag atom.Atom, attr string) {
	var value, rel string
	found := false
	for more := true; more; {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch {
		case string(k) == attr && !found: // of doubled attributes the first counts
			value, found = string(v), true
		case tag == atom.Link && string(k) == "rel" && rel == "":
			rel = string(v)
		}
	}
	if found {
		r.element(tag, value, rel)
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
		if attr := reference(n.DataAtom); attr != "" {
			if value, ok := attribute(n, attr); ok {
				rel, _ := attribute(n, "rel")
				r.element(n.DataAtom, value, rel)
			}
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
