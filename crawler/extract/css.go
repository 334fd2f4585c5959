package extract

import (
	"strings"
	"unicode/utf8"
)

// Styles gives what a style sheet, or the value of a style attribute, refers to: the
// addresses of @import and of url(), as they are written but without escapes. Strings and
// comments are read as CSS reads them (drafts.csswg.org/css-syntax-3), so that what only
// looks like an address in them is none; @namespace names no resource.
func Styles(css string) []string {
	s := &styles{rest: css}
	for s.rest != "" {
		s.next()
	}
	return s.found
}

// styles reads a style sheet from its beginning.
type styles struct {
	rest  string
	found []string
	// after is the at-rule whose first address is read now: "import" takes a string for
	// one, "namespace" takes none. Any other says nothing.
	after string
}

// next reads one token.
func (s *styles) next() {
	switch c := s.rest[0]; {
	case strings.HasPrefix(s.rest, "/*"):
		_, s.rest, _ = strings.Cut(s.rest[2:], "*/")
	case c == '"' || c == '\'':
		if text, ok := s.text(); ok && s.after == "import" {
			s.take(text)
		}
	case c == ';' || c == '{' || c == '}':
		s.after, s.rest = "", s.rest[1:]
	case c == '@':
		s.rest = s.rest[1:]
		s.after = strings.ToLower(s.name())
	case isName(c):
		name := s.name()
		if strings.EqualFold(name, "url") && strings.HasPrefix(s.rest, "(") {
			s.rest = s.rest[1:]
			s.address()
		}
	default:
		s.rest = s.rest[1:]
	}
}

// take takes an address, unless it is a namespace's name.
func (s *styles) take(address string) {
	if s.after != "namespace" && address != "" {
		s.found = append(s.found, address)
	}
	s.after = ""
}

// isName reports whether a byte may be part of a name.
func isName(c byte) bool {
	return c == '-' || c == '_' || c == '\\' || c >= utf8.RuneSelf ||
		'0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// name reads a name.
func (s *styles) name() string {
	var b strings.Builder
	for s.rest != "" && isName(s.rest[0]) {
		if s.rest[0] == '\\' {
			s.escape(&b)
			continue
		}
		b.WriteByte(s.rest[0])
		s.rest = s.rest[1:]
	}
	return b.String()
}

// text reads a string in quotes; false for one that is broken by the end of a line, which
// CSS drops.
func (s *styles) text() (string, bool) {
	var b strings.Builder
	quote := s.rest[0]
	for s.rest = s.rest[1:]; s.rest != ""; {
		switch c := s.rest[0]; {
		case c == quote:
			s.rest = s.rest[1:]
			return b.String(), true
		case c == '\n' || c == '\r' || c == '\f':
			return "", false
		case c == '\\':
			s.escape(&b)
		default:
			b.WriteByte(c)
			s.rest = s.rest[1:]
		}
	}
	return b.String(), true
}

// address reads what is inside of url(), with quotes or without.
func (s *styles) address() {
	s.rest = strings.TrimLeft(s.rest, cssSpace)
	if s.rest != "" && (s.rest[0] == '"' || s.rest[0] == '\'') {
		if text, ok := s.text(); ok {
			s.take(text)
		}
		return
	}
	var b strings.Builder
	for s.rest != "" {
		switch c := s.rest[0]; {
		case c == ')':
			s.rest = s.rest[1:]
			s.take(strings.TrimRight(b.String(), cssSpace))
			return
		case c == '"' || c == '\'' || c == '(':
			_, s.rest, _ = strings.Cut(s.rest, ")") // it is none
			return
		case c == '\\':
			s.escape(&b)
		default:
			b.WriteByte(c)
			s.rest = s.rest[1:]
		}
	}
	s.take(strings.TrimRight(b.String(), cssSpace)) // the end closes it
}

const cssSpace = " \t\r\n\f"

// escape reads a backslash with what it stands for.
func (s *styles) escape(b *strings.Builder) {
	s.rest = s.rest[1:]
	if s.rest == "" {
		return
	}
	code, n := rune(0), 0
	for n < len(s.rest) && n < 6 {
		digit := strings.IndexByte("0123456789abcdef", s.rest[n]|0x20)
		if s.rest[n] < '0' || digit < 0 {
			break
		}
		code, n = code<<4|rune(digit), n+1
	}
	switch {
	case n > 0:
		if code == 0 || !utf8.ValidRune(code) {
			code = utf8.RuneError
		}
		b.WriteRune(code)
		if s.rest = s.rest[n:]; s.rest != "" && strings.IndexByte(cssSpace, s.rest[0]) >= 0 {
			s.rest = s.rest[1:] // it ends the number
		}
	case s.rest[0] == '\n' || s.rest[0] == '\f':
		s.rest = s.rest[1:] // a string goes on in the next line
	case s.rest[0] == '\r':
		s.rest = strings.TrimPrefix(s.rest[1:], "\n")
	default:
		_, size := utf8.DecodeRuneInString(s.rest)
		b.WriteString(s.rest[:size])
		s.rest = s.rest[size:]
	}
}

// IsCSS reports whether a content type is that of a style sheet.
func IsCSS(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/css")
}
