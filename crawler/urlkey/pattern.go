package urlkey

import "strings"

// Pattern is what a URL has in common with those of its kind: its host and path with a
// # for each number and a * for each identifier, and the names of its parameters. Two
// products, two months and two pages of a list have one pattern, two articles with
// words for names have not.
func (u URL) Pattern() string {
	rest := u.keyPath()
	path, query, _ := strings.Cut(rest, "?")
	var b strings.Builder
	b.WriteString(u.Host)
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		b.WriteByte('/')
		writeKind(&b, segment)
	}
	sep := byte('?')
	if query == "" {
		return b.String()
	}
	for param := range strings.SplitSeq(query, "&") {
		b.WriteByte(sep)
		b.WriteString(paramName(param))
		sep = '&'
	}
	return b.String()
}

// keyPath is path and query of the key.
func (u URL) keyPath() string { return u.Key[u.origin:] }

// writeKind writes a segment without what tells it from others of its kind.
func writeKind(b *strings.Builder, segment string) {
	if isIdentifier(segment) {
		b.WriteByte('*')
		return
	}
	digits := false
	for i := range len(segment) {
		if c := segment[i]; c < '0' || c > '9' {
			b.WriteByte(c)
			digits = false
		} else if !digits {
			b.WriteByte('#')
			digits = true
		}
	}
}

// isIdentifier reports whether a segment is a long word of hexadecimal digits, as hashes
// and UUIDs are, or one of letters and digits mixed that is too long for a name.
func isIdentifier(s string) bool {
	digits, hex, other := 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case isHex(c):
			hex++
		case c == '-':
		default:
			other++
		}
	}
	return digits > 0 && (other == 0 && hex > 0 && len(s) >= 8 || digits >= 4 && len(s) >= 20)
}
