package store

import (
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Dialect is the SQL that a database speaks. The statements of all rooms are written
// in what the dialects have in common; what differs is in this room and in the
// migrations.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota + 1
	PostgreSQL
)

// String is also the name of a dialect's folder of migrations.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case PostgreSQL:
		return "postgres"
	default:
		return "Dialect(" + strconv.Itoa(int(d)) + ")"
	}
}

// numbered gives a query PostgreSQL's placeholders: $1, $2, … for each ? that is not
// in a literal, a quoted name or a comment.
func numbered(query string) string {
	var b strings.Builder
	b.Grow(len(query) + 16) // a few placeholders of two bytes
	n := 0
	for i := 0; i < len(query); {
		end := quoted(query[i:])
		switch {
		case end > 0:
			b.WriteString(query[i : i+end])
			i += end
		case query[i] == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			i++
		default:
			b.WriteByte(query[i])
			i++
		}
	}
	return b.String()
}

// quoted is the length of the literal, quoted name or comment that s begins with, 0
// where it begins with none. A doubled quote reads as two literals, to the same end.
func quoted(s string) int {
	closing := ""
	switch {
	case s[0] == '\'' || s[0] == '"':
		closing = s[:1]
	case strings.HasPrefix(s, "--"):
		closing = "\n"
	default:
		return 0
	}
	if end := strings.Index(s[1:], closing); end >= 0 {
		return end + 2
	}
	return len(s)
}

// values makes arguments what PostgreSQL takes where SQLite takes them as they are: a
// truth value is 0 or 1, and text, which may come from any site, is UTF-8 without NUL.
func values(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case nil, int, int64, []byte:
			out[i] = v
		case string:
			out[i] = clean(v)
		case bool:
			out[i] = 0
			if v {
				out[i] = 1
			}
		default:
			out[i] = a
			if r := reflect.ValueOf(a); r.Kind() == reflect.String { // a TenantID, a state
				out[i] = clean(r.String())
			}
		}
	}
	return out
}

// clean replaces what PostgreSQL refuses in text, as browsers do in a page.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
