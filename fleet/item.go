package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Values are what fields were found to be, by name. Numbers are kept as they were written:
// an identifier of 18 digits stays what it is.
type Values map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (v *Values) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(v))
}

// Item is what the fields of a ticket are on a page, or on one of its parts: all of them
// and nothing else. One without a value is null, a list without any is empty.
type Item map[string]any

// Items are the items that pages are read as: the schema of a ticket's fields.
type Items struct {
	fields map[string]Field
	each   string // the field whose elements are the items, "" for whole pages
}

// NewItems makes the schema of a ticket's fields. each names the list of objects of which
// each element is an item; "" makes one item of each page.
func NewItems(extract map[string]Field, each string) (Items, error) {
	if len(extract) == 0 {
		return Items{}, Invalid("items", "the ticket extracts no fields", `a ticket with "extract"`)
	}
	if each == "" {
		return Items{fields: extract}, nil
	}
	if f := extract[each]; !f.Many || len(f.Fields) == 0 {
		return Items{}, Invalid("each", fmt.Sprintf("%q is not a list of objects", clip(each, 64)),
			`a field of the ticket with "many" and "fields"`)
	}
	return Items{fields: extract, each: each}, nil
}

// Fields are the fields of an item, by name.
func (s Items) Fields() map[string]Field {
	if s.each != "" {
		return s.fields[s.each].Fields
	}
	return s.fields
}

// Found is an item with the names of the required fields that it lacks.
type Found struct {
	Item    Item
	Missing []string
}

// Flaw says what is wrong with the items of one page.
type Flaw struct {
	Seq int64  `json:"seq"`
	URL string `json:"url"`
	// Missing are required fields without a value, such as price or offers[2].price.
	Missing []string `json:"missing,omitempty"`
	// Mistyped are fields of which something was found that is not of their type.
	Mistyped []string `json:"mistyped,omitempty"`
	// Reason is why a page has no item at all, or not all of one.
	Reason string `json:"reason,omitempty"`
}

// String is the flaw in words, "" for none.
func (f Flaw) String() string {
	var parts []string
	if len(f.Missing) > 0 {
		parts = append(parts, "lacks "+strings.Join(f.Missing, ", "))
	}
	if len(f.Mistyped) > 0 {
		parts = append(parts, "has another type in "+strings.Join(f.Mistyped, ", "))
	}
	if f.Reason != "" {
		parts = append(parts, f.Reason)
	}
	return strings.Join(parts, "; ")
}

// Of reads a page as items. What was not fetched, and what is no HTML, has none; neither
// has a page that has not changed since the ticket that this one recrawls.
func (s Items) Of(p PageRow) ([]Found, Flaw) {
	flaw := Flaw{Seq: p.Seq, URL: p.URL, Mistyped: p.Notes.Mistyped}
	if p.Outcome != PageFetched || p.Fields == nil && !strings.Contains(strings.ToLower(p.ContentType), "html") {
		return nil, flaw
	}
	if flaw.Reason = p.Reason; p.Truncated && flaw.Reason == "" {
		flaw.Reason = "its body was cut"
	}
	if p.Fields == nil {
		return nil, flaw
	}
	page, lacks := conform(s.fields, p.Fields, "")
	flaw.Missing = lacks
	if s.each == "" {
		return []Found{{page, lacks}}, flaw
	}
	var all []Found
	list, _ := page[s.each].([]any)
	for i, element := range list {
		item, ok := element.(Item)
		if !ok {
			continue
		}
		prefix := fmt.Sprintf("%s[%d].", s.each, i)
		var missing []string
		for _, name := range lacks {
			if inner, ok := strings.CutPrefix(name, prefix); ok {
				missing = append(missing, inner)
			}
		}
		all = append(all, Found{item, missing})
	}
	return all, flaw
}

// conform gives values the shape of fields, and names the required ones without a value.
func conform(fields map[string]Field, values map[string]any, path string) (item Item, lacks []string) {
	item = make(Item, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f, v, at := fields[name], values[name], path+name
		if f.Required && absent(v) {
			lacks = append(lacks, at)
		}
		if !f.Many {
			one, inner := conformOne(f, v, at)
			item[name], lacks = one, append(lacks, inner...)
			continue
		}
		list, ok := v.([]any)
		if !ok && v != nil {
			list = []any{v}
		}
		all := make([]any, len(list))
		for i, v := range list {
			var inner []string
			all[i], inner = conformOne(f, v, fmt.Sprintf("%s[%d]", at, i))
			lacks = append(lacks, inner...)
		}
		item[name] = all
	}
	return item, lacks
}

func conformOne(f Field, v any, at string) (any, []string) {
	if len(f.Fields) == 0 {
		return v, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, nil
	}
	return conform(f.Fields, object, at+".")
}

// absent reports whether a value is none.
func absent(v any) bool {
	if list, ok := v.([]any); ok {
		return len(list) == 0
	}
	return v == nil || v == ""
}
