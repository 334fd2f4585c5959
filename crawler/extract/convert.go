package extract

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// convert turns a text into a value of a type; false where it is none.
func convert(doc *document, kind, s string) (any, bool) {
	switch kind {
	case "int":
		n, ok := integer(s)
		return n, ok
	case "number":
		n, ok := number(s)
		return n, ok
	case "bool":
		return truth(s)
	case "date":
		return date(s)
	case "url":
		return doc.absolute(s)
	default:
		return s, true
	}
}

// absolute resolves a link of the page.
func (d *document) absolute(href string) (string, bool) {
	if strings.TrimSpace(href) == "" || !d.hasURL {
		return "", false
	}
	u, err := d.base.Resolve(href)
	return u.URL, err == nil
}

// digits is a number with whatever people put between its digits.
var digits = regexp.MustCompile(`[-+−]?[0-9](?:[0-9.,'’\x{a0}\x{202f} ]*[0-9])?`)

// number reads the first number of a text, as people write it: 1,234.50 and 1.234,50 and
// 1 234,50 are the same. Of a single separator, a comma before three digits groups and
// any other one is the point.
func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(decimal(s), 64)
	return n, err == nil
}

// integer reads the first number of a text likewise, to its last digit; false where it has
// a fraction.
func integer(s string) (int64, bool) {
	whole, fraction, _ := strings.Cut(decimal(s), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil && strings.Trim(fraction, "0") == ""
}

// decimal is the first number of a text in digits alone, with a point before a fraction;
// "" where there is none.
func decimal(s string) string {
	text := digits.FindString(s)
	if text == "" {
		return ""
	}
	text = strings.NewReplacer("−", "-", "'", "", "’", "", "\u00a0", "", "\u202f", "", " ", "").Replace(text)
	dot, comma := strings.LastIndexByte(text, '.'), strings.LastIndexByte(text, ',')
	point := byte('.')
	switch {
	case dot >= 0 && comma > dot:
		point = ','
	case dot < 0 && comma >= 0 && strings.Count(text, ",") == 1 && len(text)-comma-1 != 3:
		point = ','
	case comma < 0 && strings.Count(text, ".") > 1:
		point = 0 // 1.234.567
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == point:
			b.WriteByte('.')
		case c != '.' && c != ',':
			b.WriteByte(c)
		}
	}
	return b.String()
}

func truth(s string) (any, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "y", "on", "1", "checked", "selected":
		return true, true
	case "false", "no", "n", "off", "0":
		return false, true
	default:
		return nil, false
	}
}

// layouts are the ways to write a date that leave no doubt about what is meant; of days
// and months in numbers with slashes nobody can tell which is which.
var layouts = []struct {
	layout string
	day    bool // without a time
}{
	{time.RFC3339, false},
	{"2006-01-02T15:04:05", false},
	{"2006-01-02T15:04Z07:00", false},
	{"2006-01-02T15:04", false},
	{"2006-01-02T15:04:05-0700", false},
	{"2006-01-02 15:04:05", false},
	{"2006-01-02 15:04", false},
	{"2006-01-02", true},
	{"2006/01/02", true},
	{"20060102", true},
	{time.RFC1123, false},
	{time.RFC1123Z, false},
	{time.RFC850, false},
	{time.ANSIC, false},
	{"Mon, 2 Jan 2006 15:04:05 MST", false},
	{"Mon, 2 Jan 2006 15:04:05 -0700", false},
	{"2 January 2006", true},
	{"2 Jan 2006", true},
	{"January 2, 2006", true},
	{"Jan 2, 2006", true},
	{"January 2 2006", true},
	{"Jan. 2, 2006", true},
	{"2. January 2006", true},
	{"2.1.2006", true},
	{"Monday, January 2, 2006", true},
	{"Monday, 2 January 2006", true},
}

// date reads an instant or a day and writes it as RFC 3339 does.
func date(s string) (any, bool) {
	s = collapse(s)
	for _, l := range layouts {
		t, err := time.Parse(l.layout, s)
		if err != nil {
			continue
		}
		if l.day {
			return t.Format(time.DateOnly), true
		}
		return t.Format(time.RFC3339), true
	}
	return nil, false
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
