package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxNesting bounds how deep structured data is searched: honest data is a handful deep.
const maxNesting = 32

// byLinkedData finds values in the page's JSON-LD: objects of a type, wherever they are,
// then their properties. Where the first step is no type of any, it is a property.
func byLinkedData(path []string) finder {
	return func(doc *document, _ *html.Node, _ int) []match {
		objects := ofType(doc.linkedData(), path[0], 0)
		rest := path[1:]
		if len(objects) == 0 {
			objects, rest = doc.linkedData(), path
		}
		var all []match
		for _, v := range walk(objects, rest) {
			if s, ok := v.(string); ok {
				v = clean(collapse(s))
			}
			all = append(all, match{value: v})
		}
		return all
	}
}

// linkedData reads the page's JSON-LD: what cannot be read is passed over.
func (d *document) linkedData() []any {
	if d.parsed {
		return d.linked
	}
	d.parsed = true
	for n := range d.root.Descendants() {
		if n.DataAtom != atom.Script || n.FirstChild == nil {
			continue
		}
		kind, _ := attribute(n, "type")
		if media, _, _ := strings.Cut(kind, ";"); !strings.EqualFold(strings.TrimSpace(media), "application/ld+json") {
			continue
		}
		var v any
		decoder := json.NewDecoder(bytes.NewReader(unwrapped(n.FirstChild.Data)))
		decoder.UseNumber() // as it is written
		if decoder.Decode(&v) == nil {
			d.linked = append(d.linked, graph(v)...)
		}
	}
	return d.linked
}

// unwrapped takes off what was once put around scripts, and makes spaces of the bare
// line breaks that templates put into texts.
func unwrapped(s string) []byte {
	s = strings.TrimSpace(s)
	for _, wrap := range [][2]string{{"<!--", "-->"}, {"//<![CDATA[", "//]]>"}, {"/*<![CDATA[*/", "/*]]>*/"}, {"<![CDATA[", "]]>"}} {
		if rest, ok := strings.CutPrefix(s, wrap[0]); ok {
			s = strings.TrimSpace(strings.TrimSuffix(rest, wrap[1]))
		}
	}
	return []byte(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s))
}

// graph is the list of objects that a document is.
func graph(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		if list, ok := v["@graph"].([]any); ok {
			delete(v, "@graph") // or else it would be searched twice
			return append([]any{v}, list...)
		}
	}
	return []any{v}
}

// ofType finds the objects of a type, the outer ones first.
func ofType(values []any, name string, depth int) (found []any) {
	if depth > maxNesting {
		return nil
	}
	for _, v := range values {
		switch v := v.(type) {
		case []any:
			found = append(found, ofType(v, name, depth+1)...)
		case map[string]any:
			if isType(v["@type"], name) {
				found = append(found, v)
				continue
			}
			for _, key := range sortedKeys(v) {
				found = append(found, ofType([]any{v[key]}, name, depth+1)...)
			}
		}
	}
	return found
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return v == name || strings.HasSuffix(v, "/"+name) || strings.HasSuffix(v, ":"+name)
	case []any:
		for _, one := range v {
			if isType(one, name) {
				return true
			}
		}
	}
	return false
}

// walk follows properties; lists are what is in them.
func walk(values []any, path []string) []any {
	var flat []any
	for _, v := range values {
		if l, ok := v.([]any); ok {
			flat = append(flat, l...)
		} else if v != nil {
			flat = append(flat, v)
		}
	}
	if len(path) == 0 {
		return flat
	}
	var next []any
	for _, v := range flat {
		if object, ok := v.(map[string]any); ok && object[path[0]] != nil {
			next = append(next, object[path[0]])
		}
	}
	return walk(next, path[1:])
}

// textOf writes a value of JSON as text.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	default:
		return fmt.Sprint(v)
	}
}
