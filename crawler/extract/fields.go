package extract

import (
	"maps"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Fields are a ticket's fields with their selectors read. They are safe for
// concurrent use.
type Fields struct {
	list []field
}

type field struct {
	fleet.Field
	name     string
	selector cascadia.SelectorGroup
}

// NewFields reads the selectors. It fails with an invalid error on
// extract.<name>.css, for the first bad one in the order of names.
func NewFields(wanted map[string]fleet.Field) (*Fields, error) {
	f := &Fields{}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		selector, err := cascadia.ParseGroup(wanted[name].CSS)
		if err != nil {
			return nil, fleet.Invalid("extract."+name+".css", err.Error(), "a CSS selector")
		}
		f.list = append(f.list, field{Field: wanted[name], name: name, selector: selector})
	}
	return f, nil
}

func (f *Fields) none() bool { return f == nil || len(f.list) == 0 }

// of gives the fields' values on one page.
func (f *Fields) of(doc *html.Node) map[string]any {
	values := make(map[string]any, len(f.list))
	for _, field := range f.list {
		values[field.name] = field.value(doc)
	}
	return values
}

func (f field) value(doc *html.Node) any {
	if !f.Many {
		if n := cascadia.Query(doc, f.selector); n != nil {
			if s, ok := f.read(n); ok {
				return s
			}
		}
		return nil
	}
	var all []string
	for _, n := range cascadia.QueryAll(doc, f.selector) {
		if s, ok := f.read(n); ok {
			all = append(all, s)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

func (f field) read(n *html.Node) (string, bool) {
	s, ok := text(n), true
	if f.Attr != "" {
		s, ok = attribute(n, strings.ToLower(f.Attr))
	} else {
		s = collapse(s)
	}
	return strings.ToValidUTF8(s, "\uFFFD"), ok
}
