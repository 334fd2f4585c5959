package extract

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxMatches bounds what one field takes of one page: more is a selector gone wrong.
const maxMatches = 10_000

// Fields are a ticket's fields with their selectors read. They are safe for
// concurrent use.
type Fields struct {
	list []field
}

type field struct {
	fleet.Field
	name   string
	find   finder
	regex  *regexp.Regexp // nil for none
	inside *Fields        // nil for none
}

// match is one thing that a field found: an element, or a value that is none.
type match struct {
	node  *html.Node
	value any
}

// finder looks for matches below a node, at most so many.
type finder func(doc *document, at *html.Node, limit int) []match

// NewFields reads the selectors. It fails with an invalid error on extract.<name>.css and
// so on, for the first bad one in the order of names.
func NewFields(wanted map[string]fleet.Field) (*Fields, error) {
	return newFields("extract", wanted, false)
}

func newFields(at string, wanted map[string]fleet.Field, inside bool) (*Fields, error) {
	f := &Fields{}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		one := field{Field: wanted[name], name: name}
		where := at + "." + name
		var err error
		if one.find, err = newFinder(where, one.Field, inside); err != nil {
			return nil, err
		}
		if one.Regex != "" {
			if one.regex, err = regexp.Compile(one.Regex); err != nil {
				return nil, fleet.Invalid(where+".regex", err.Error(), "an RE2 regular expression")
			}
		}
		if len(one.Fields) > 0 {
			if one.inside, err = newFields(where+".fields", one.Fields, true); err != nil {
				return nil, err
			}
		}
		f.list = append(f.list, one)
	}
	return f, nil
}

func (f *Fields) none() bool { return f == nil || len(f.list) == 0 }

// document is one page while its fields are read. What several fields need is made once.
type document struct {
	root   *html.Node
	source []byte
	base   urlkey.Base
	hasURL bool

	missing  []string
	mistyped []string
	refused  bool  // a value of the field that is being read was not of its type
	linked   []any // JSON-LD, nil until it is asked for
	parsed   bool
	main     *article

	steps int                   // elements that may be looked at for microdata
	ids   map[string]*html.Node // nil until it is asked for
	order map[*html.Node]int    // likewise
}

// of gives the fields' values below a node. path is the name of the field that they are in.
func (f *Fields) of(doc *document, at *html.Node, path string) map[string]any {
	values := make(map[string]any, len(f.list))
	for _, field := range f.list {
		doc.refused = false
		v := field.value(doc, at, path)
		values[field.name] = v
		if !empty(v) {
			continue
		}
		if field.Required {
			doc.missing = withName(doc.missing, path+field.name)
		}
		if doc.refused {
			doc.mistyped = withName(doc.mistyped, path+field.name)
		}
	}
	return values
}

func withName(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func empty(v any) bool { return v == nil || v == "" }

func (f field) value(doc *document, at *html.Node, path string) any {
	limit := maxMatches
	if !f.Many && f.regex == nil && f.Type == "" { // the first match that there is
		limit = 1
	}
	var all []any
	for _, m := range f.find(doc, at, limit) {
		for _, v := range f.read(doc, m, path) {
			if !f.Many {
				return v
			}
			if all = append(all, v); len(all) == maxMatches {
				return list(all)
			}
		}
	}
	return list(all)
}

// list is the value of a field with many matches: of texts where all are, nil for none.
func list(all []any) any {
	if len(all) == 0 {
		return nil
	}
	texts := make([]string, len(all))
	for i, v := range all {
		s, ok := v.(string)
		if !ok {
			return all
		}
		texts[i] = s
	}
	return texts
}

// read makes values of one match: none where it is not what was asked for.
func (f field) read(doc *document, m match, path string) []any {
	if f.inside != nil {
		if m.node == nil {
			return nil
		}
		return []any{f.inside.of(doc, m.node, path+f.name+".")}
	}
	v, ok := f.raw(m)
	if !ok {
		return nil
	}
	s, isText := v.(string)
	if !isText { // an object or a number of JSON-LD
		if f.regex == nil && f.Type == "" {
			return []any{v}
		}
		s = textOf(v)
	}
	var values []any
	for _, s := range f.matched(s) {
		if v, ok := convert(doc, f.Type, s); ok {
			values = append(values, v)
		} else if s != "" {
			doc.refused = true
		}
	}
	return values
}

// raw is what a match is before it is turned into anything.
func (f field) raw(m match) (any, bool) {
	n := m.node
	switch {
	case n == nil:
		return m.value, true
	case f.Attr != "":
		s, ok := attribute(n, strings.ToLower(f.Attr))
		return clean(s), ok
	case f.Type == "html":
		return clean(inner(n)), true
	case f.Type == "markdown":
		return clean(markdown(n)), true
	default:
		return clean(collapse(text(n))), true
	}
}

// matched is what the expression takes of a text, or the text.
func (f field) matched(s string) []string {
	if f.regex == nil {
		return []string{s}
	}
	limit := 1
	if f.Many {
		limit = maxMatches
	}
	var parts []string
	for _, m := range f.regex.FindAllStringSubmatch(s, limit) {
		parts = append(parts, m[min(1, len(m)-1)])
	}
	return parts
}

func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
