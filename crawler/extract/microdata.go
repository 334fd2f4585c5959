package extract

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxMicrodata bounds the elements that are looked at for one field: items that name each
// other (itemref) are more than the page has, two to the power of their number at worst.
const maxMicrodata = 1_000_000

// byMicrodata finds the values of microdata (html.spec.whatwg.org, "Microdata"): items of
// a type, by the last part of its address, then their properties.
func byMicrodata(path []string) finder {
	return func(doc *document, _ *html.Node, limit int) (all []match) {
		doc.steps = maxMicrodata
		for n := range doc.root.Descendants() {
			if _, is := attribute(n, "itemscope"); !is || !itemOf(n, path[0]) {
				continue
			}
			for _, v := range properties(doc, []*html.Node{n}, path[1:]) {
				if all = append(all, match{value: v}); len(all) == limit {
					return all
				}
			}
		}
		return all
	}
}

func itemOf(n *html.Node, name string) bool {
	kinds, _ := attribute(n, "itemtype")
	for kind := range strings.FieldsSeq(kinds) {
		if isType(kind, name) {
			return true
		}
	}
	return false
}

// properties follows itemprops from items. At the end of the path an item is an object.
func properties(doc *document, items []*html.Node, path []string) (values []any) {
	for _, item := range items {
		if len(path) == 0 {
			values = append(values, itemValue(doc, item, nil))
			continue
		}
		var inner []*html.Node
		for _, p := range doc.propertiesOf(item) {
			if !hasWord(p, "itemprop", path[0]) {
				continue
			}
			if _, is := attribute(p, "itemscope"); is {
				inner = append(inner, p)
			} else if len(path) == 1 {
				values = append(values, propertyValue(doc, p))
			}
		}
		values = append(values, properties(doc, inner, path[1:])...)
	}
	return values
}

// propertiesOf are the elements with an itemprop that belong to an item itself, in the
// order of the document: those inside of it and inside of what its itemref names.
func (d *document) propertiesOf(item *html.Node) (found []*html.Node) {
	known := map[*html.Node]bool{item: true}
	var search func(*html.Node)
	look := func(n *html.Node) {
		if n.Type != html.ElementNode || known[n] || d.steps == 0 {
			return
		}
		known[n] = true
		d.steps--
		if _, is := attribute(n, "itemprop"); is {
			found = append(found, n)
		}
		if _, is := attribute(n, "itemscope"); !is {
			search(n)
		}
	}
	search = func(n *html.Node) {
		for c := range n.ChildNodes() {
			look(c)
		}
	}
	search(item)
	refs, _ := attribute(item, "itemref")
	if refs == "" {
		return found
	}
	for id := range strings.FieldsSeq(refs) {
		if n := d.byID(id); n != nil {
			look(n)
		}
	}
	slices.SortStableFunc(found, func(a, b *html.Node) int { return cmp.Compare(d.order[a], d.order[b]) })
	return found
}

// byID is the first element with an id, nil for none.
func (d *document) byID(id string) *html.Node {
	if d.ids == nil {
		d.ids, d.order = map[string]*html.Node{}, map[*html.Node]int{}
		for n := range d.root.Descendants() {
			d.order[n] = len(d.order)
			if id, ok := attribute(n, "id"); ok && d.ids[id] == nil {
				d.ids[id] = n
			}
		}
	}
	return d.ids[id]
}

// itemValue is an item as an object. above are the items that it is in: one that names
// itself is the text ERROR there, as the standard has it ("Converting HTML to JSON").
func itemValue(doc *document, item *html.Node, above []*html.Node) any {
	object := map[string]any{}
	if kind, ok := attribute(item, "itemtype"); ok {
		object["@type"] = clean(kind)
	}
	above = append(above, item)
	for _, p := range doc.propertiesOf(item) {
		names, _ := attribute(p, "itemprop")
		for name := range strings.FieldsSeq(names) {
			switch _, is := attribute(p, "itemscope"); {
			case !is:
				add(object, clean(name), propertyValue(doc, p))
			case slices.Contains(above, p):
				add(object, clean(name), "ERROR")
			case len(above) <= maxNesting:
				add(object, clean(name), itemValue(doc, p, above))
			}
		}
	}
	return object
}

// propertyValue is the value of an itemprop by its element.
func propertyValue(doc *document, n *html.Node) any {
	if v, ok := attribute(n, "content"); ok { // of meta by the standard, of others in practice
		return clean(collapse(v))
	}
	name := ""
	switch n.DataAtom {
	case atom.A, atom.Area, atom.Link:
		name = "href"
	case atom.Audio, atom.Embed, atom.Iframe, atom.Img, atom.Source, atom.Track, atom.Video:
		name = "src"
	case atom.Object:
		name = "data"
	}
	if name != "" {
		v, _ := attribute(n, name)
		if u, ok := doc.absolute(v); ok {
			return u
		}
		return clean(v)
	}
	for _, name := range []string{"datetime", "value"} {
		if v, ok := attribute(n, name); ok {
			return clean(collapse(v))
		}
	}
	return clean(collapse(text(n)))
}

func hasWord(n *html.Node, key, word string) bool {
	v, _ := attribute(n, key)
	for w := range strings.FieldsSeq(v) {
		if w == word {
			return true
		}
	}
	return false
}
