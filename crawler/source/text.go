package source

import (
	"bufio"
	"bytes"
	"io"
	"regexp"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// declaration is an XML declaration, whose version and encoding have no say any more in
// what has been decoded.
var (
	declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*\?>`)
	encodingOf  = regexp.MustCompile(`^\s*<\?xml\s[^>]*encoding\s*=\s*["']([^"'>]+)["']`)
)

// readable is a body as UTF-8, without what would end the reading of XML and says nothing of
// URLs: bytes that are none of its encoding, control characters, angle brackets in the text.
// All of that is found in real sitemaps and feeds.
func readable(body io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(body, 2*maxText)
	head, _ := in.Peek(headSize) // what there is
	e, mark := encodingAt(head)
	_, _ = in.Discard(mark) // it was there
	text := bufio.NewReaderSize(&clean{bufio.NewReader(transform.NewReader(in, e.NewDecoder()))}, 2*maxText)
	head, _ = text.Peek(headSize)
	if bytes.HasPrefix(bytes.TrimLeft(head, " \n\t"), []byte("<?xml")) {
		_, _ = text.Discard(len(declaration.Find(head)))
	}
	return text
}

// encodingAt is how a body is encoded, and how long its byte order mark is. As with HTML the
// mark counts most; who declares UTF-16 in plain letters is wrong and means UTF-8 (HTML
// standard, "prescan a byte stream"). What nobody knows is UTF-8, too.
func encodingAt(head []byte) (e encoding.Encoding, mark int) {
	little := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	big := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case begins("\xef\xbb\xbf"):
		return unicode.UTF8, 3
	case begins("\xff\xfe"):
		return little, 2
	case begins("\xfe\xff"):
		return big, 2
	case begins("<\x00"): // XML 1.0, F.1
		return little, 0
	case begins("\x00<"):
		return big, 0
	}
	if m := encodingOf.FindSubmatch(head); m != nil {
		switch e, name := charset.Lookup(string(m[1])); name {
		case "", "utf-8", "utf-16le", "utf-16be", "replacement":
		default:
			return e, 0
		}
	}
	return unicode.UTF8, 0 // whose decoder replaces what is none
}

// clean replaces what XML does not have, byte by byte.
type clean struct{ in *bufio.Reader }

// Read implements io.Reader.
func (c *clean) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for i, b := range p[:n] {
		switch {
		case b == '\r':
			p[i] = '\n' // also alone, as old systems end lines
		case b < ' ' && b != '\t' && b != '\n':
			p[i] = ' '
		case b == '<':
			next := p[i+1 : n]
			if len(next) == 0 {
				next, _ = c.in.Peek(1)
			}
			if len(next) > 0 && !opens(next[0]) {
				p[i] = ' '
			}
		}
	}
	return n, err
}

// opens reports whether markup goes on like this behind its bracket.
func opens(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 || bytes.IndexByte([]byte("/!?_:"), b) >= 0
}
