package robots

import "strings"

// pattern is the path of one Allow or Disallow line.
type pattern struct {
	allow  bool
	length int      // of the normalised pattern, in octets: the longest match decides
	parts  []string // what stands between the stars, the first one anchored
	end    bool     // "$": the match has to reach the end of the path
}

func newPattern(value string, allow bool) pattern {
	value = normalise(value, "")
	p := pattern{allow: allow, length: len(value)}
	if rest, ok := strings.CutSuffix(value, "$"); ok {
		value, p.end = rest, true
	}
	// Elsewhere than at the end a dollar stands for itself, as paths have it.
	p.parts = strings.Split(strings.ReplaceAll(value, "$", "%24"), "*")
	return p
}

// matches takes time in proportion to the path for each part: the leftmost match
// of every part is the best one, there is nothing to try again.
func (p *pattern) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, p.parts[0])
	if !ok {
		return false
	}
	if len(p.parts) == 1 {
		return !p.end || rest == ""
	}
	middle, last := p.parts[1:len(p.parts)-1], p.parts[len(p.parts)-1]
	for _, part := range middle {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	if p.end {
		return strings.HasSuffix(rest, last)
	}
	return strings.Contains(rest, last)
}

// normalisePath brings a path into the form that patterns are compared in. A star
// or dollar in a path is a character; in a pattern it is written as an escape.
func normalisePath(pathQuery string) string { return normalise(pathQuery, "*$") }

// normalise decodes the escapes of unreserved characters, writes the others in
// capitals and escapes what is not ASCII or in extra (RFC 9309 section 2.2.2).
func normalise(s, extra string) string {
	if plain(s, extra) {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s) + 8)
	escape := func(c byte) {
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			decoded := byte(hex(s[i+1])<<4 | hex(s[i+2]))
			if unreserved(decoded) {
				b.WriteByte(decoded)
			} else {
				escape(decoded)
			}
			i += 2
		case c >= 0x80 || strings.IndexByte(extra, c) >= 0:
			escape(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func plain(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' || s[i] >= 0x80 || strings.IndexByte(extra, s[i]) >= 0 {
			return false
		}
	}
	return true
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

func unreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
