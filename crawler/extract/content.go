package extract

import (
	"bytes"
	"net/url"
	"strings"

	"codeberg.org/readeck/go-readability"
	htmltomarkdown "github.com/JohannesKaufmann/html-to-markdown/v2"
	"golang.org/x/net/html"
)

// article is the main part of a page.
type article struct {
	text, markdown string
}

// byContent finds the main part of a page, as a browser's reading view does. It costs
// more than everything else on the page together.
func byContent(form string) finder {
	return func(doc *document, _ *html.Node, _ int) []match {
		a := doc.article()
		s := a.text
		if form == "markdown" {
			s = a.markdown
		}
		if s == "" {
			return nil
		}
		return []match{{value: s}}
	}
}

// article works on a copy of the tree, which the library makes.
func (d *document) article() *article {
	if d.main != nil {
		return d.main
	}
	d.main = new(article)
	var at *url.URL
	if d.hasURL {
		at, _ = url.Parse(d.base.URL().URL) // where it cannot be read, links stay relative
	}
	found, err := readability.FromDocument(d.root, at)
	if err != nil || found.Node == nil {
		return d.main
	}
	d.main.text = clean(strings.TrimSpace(found.TextContent))
	d.main.markdown = clean(markdown(found.Node))
	return d.main
}

// markdown writes an element as Markdown. The converter changes what it is given, so
// that it is given a copy.
func markdown(n *html.Node) string {
	copied, err := html.Parse(strings.NewReader(rendered(n)))
	if err != nil {
		return ""
	}
	b, err := htmltomarkdown.ConvertNode(copied)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func rendered(n *html.Node) string {
	var b bytes.Buffer
	if html.Render(&b, n) != nil { // only a tree that no parser makes
		return ""
	}
	return b.String()
}

// inner is the HTML inside an element.
func inner(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(rendered(c))
	}
	return strings.TrimSpace(b.String())
}
