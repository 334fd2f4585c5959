package fleet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Field is one value to extract from each HTML page: where it is, what is taken of it and
// what it is turned into. Without a match it is null.
type Field struct {
	// CSS and XPath select elements; an XPath may give a text or a number as well.
	CSS   string `json:"css,omitempty"`
	XPath string `json:"xpath,omitempty"`
	// Meta is the name or property of a meta element, such as description or og:title; a
	// * at its end takes all that begin so, as an object.
	Meta string `json:"meta,omitempty"`
	// JSONLD is a path into the page's JSON-LD, such as Product.offers.price: a type, then
	// properties. A type alone is the whole object.
	JSONLD string `json:"jsonLd,omitempty"`
	// Microdata is the same for itemscope, itemtype and itemprop.
	Microdata string `json:"microdata,omitempty"`
	// Content is the main part of the page, without navigation and advertising: "text" or
	// "markdown".
	Content string `json:"content,omitempty"`

	Attr string `json:"attr,omitempty"` // an attribute's value instead of the text
	// Regex is an RE2 expression over what was found, or over the page's source where
	// nothing else says what; its first group counts, or else all that it matches.
	Regex string `json:"regex,omitempty"`
	// Type is what the value is turned into: "text" (the default), "html", "markdown",
	// "url" (absolute), "int", "number", "bool" or "date" (RFC 3339). What cannot be
	// turned is no match.
	Type string `json:"type,omitempty"`
	Many bool   `json:"many,omitempty"` // all matches as a list instead of the first
	// Required has the page's notes name the field where it has no match.
	Required bool `json:"required,omitempty"`
	// Fields make an object of each element that CSS or XPath select; what they say is
	// inside of that element, and one that says nothing is the element itself.
	Fields map[string]Field `json:"fields,omitempty"`
}

// The limits of extraction, each with its reason.
const (
	MaxFields     = 200 // more are a dump of the page, which content is
	MaxFieldDepth = 5   // of fields in fields: a list of lists of lists
)

// FieldTypes lists the values of Field.Type.
func FieldTypes() []string {
	return []string{"text", "html", "markdown", "url", "int", "number", "bool", "date"}
}

// source is a way to find a field's value.
type fieldSource struct{ name, value, want string }

func (f Field) sources() []fieldSource {
	all := []fieldSource{
		{"css", f.CSS, "a CSS selector"},
		{"xpath", f.XPath, "an XPath expression"},
		{"meta", f.Meta, "a meta element's name"},
		{"jsonLd", f.JSONLD, "a path such as Product.name"},
		{"microdata", f.Microdata, "a path such as Product.name"},
		{"content", f.Content, `"text" or "markdown"`},
	}
	return slices.DeleteFunc(all, func(s fieldSource) bool { return s.value == "" })
}

func (in TicketInput) checkExtract() error { return CheckFields(in.Extract) }

// ParseFields reads a set of rules strictly and checks it.
func ParseFields(b []byte) (map[string]Field, error) {
	var fields map[string]Field
	if err := decodeStrict(b, &fields, "extract"); err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, Invalid("extract", "has no field", "at least one")
	}
	return fields, CheckFields(fields)
}

// CheckFields names the first field of a set of rules that is wrong. Selectors are read
// by the crawler.
func CheckFields(fields map[string]Field) error {
	count := 0
	return checkFields("extract", fields, 1, &count)
}

func checkFields(at string, fields map[string]Field, depth int, count *int) error {
	if depth > MaxFieldDepth {
		return Invalid(at, "is too deep", fmt.Sprintf("at most %d fields in fields", MaxFieldDepth))
	}
	if *count += len(fields); *count > MaxFields {
		return Invalid(at, "has too many fields", fmt.Sprintf("at most %d altogether", MaxFields))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) { // in order: always the same error
		if name == "" || len(name) > 64 {
			return Invalid(at, "has a field without a name or with a very long one", "1 to 64 characters")
		}
		if err := fields[name].check(at+"."+name, depth > 1); err != nil {
			return err
		}
		if err := checkFields(at+"."+name+".fields", fields[name].Fields, depth+1, count); err != nil {
			return err
		}
	}
	return nil
}

func (f Field) check(at string, inside bool) error {
	given := f.sources()
	switch {
	case len(given) > 1:
		return Invalid(at+"."+given[1].name, "is a second place to look beside "+given[0].name, "one of them")
	case len(given) == 1 && strings.TrimSpace(given[0].value) == "":
		return Invalid(at+"."+given[0].name, "is empty", given[0].want)
	case len(given) == 0 && f.Regex == "" && !inside:
		return Invalid(at+".css", "is empty", "css, xpath, meta, jsonLd, microdata, content or regex")
	case len(given) == 1 && inside && f.CSS == "" && f.XPath == "":
		return Invalid(at+"."+given[0].name, "is not inside of an element", "css or xpath")
	}
	element := f.CSS != "" || f.XPath != "" || inside && len(given) == 0
	switch {
	case f.Attr != "" && !element:
		return Invalid(at+".attr", "is of no element", "css or xpath beside it")
	case len(f.Fields) > 0 && (!element || f.Attr != "" || f.Regex != "" || f.Type != ""):
		return Invalid(at+".fields", "are of an element as it is", "css or xpath beside them, and neither attr, regex nor type")
	case f.Content != "" && f.Content != "text" && f.Content != "markdown":
		return Invalid(at+".content", fmt.Sprintf("%q is not known", clip(f.Content, 40)), `"text" or "markdown"`)
	case f.Type != "" && !slices.Contains(FieldTypes(), f.Type):
		return Invalid(at+".type", fmt.Sprintf("%q is not known", clip(f.Type, 40)), strings.Join(FieldTypes(), ", "))
	case (f.Type == "html" || f.Type == "markdown") && (!element || f.Attr != ""):
		return Invalid(at+".type", "is of no element", "css or xpath beside it, and no attr")
	}
	if _, err := regexp.Compile(f.Regex); err != nil {
		return Invalid(at+".regex", err.Error(), "an RE2 regular expression")
	}
	return nil
}
