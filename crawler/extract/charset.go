package extract

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

const (
	// prescan is how much of a page is searched for a declaration of its charset. The
	// standard says 1,024 bytes; real pages have it later, behind scripts.
	prescan = 8 << 10
	// surely is the confidence of a detection, of 100, that outweighs the standard's
	// last resort.
	surely = 20
)

// IsHTML reports whether a body is a page: by its declared type, or by its first
// bytes where none is declared.
func IsHTML(contentType string, body []byte) bool {
	media, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "text/html", "application/xhtml+xml":
		return true
	case "":
		start := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 512)], "\xef\xbb\xbf \t\r\n"))
		return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
	default:
		return false
	}
}

// Text decodes a page to UTF-8 and names the charset that it was in. What the page says
// of itself counts in the order of the standard (html.spec.whatwg.org, "determining the
// character encoding"): byte order mark, header, meta element or XML declaration.
// Without any it is UTF-8 if it is valid as such, else what it looks like, else
// Windows-1252.
func Text(body []byte, contentType string) (text []byte, name string) {
	enc, name := declared(body, contentType)
	if name == "" {
		enc, name = detected(body)
	}
	if enc == nil {
		return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), name
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return body, name // a decoder that gives up leaves at least the ASCII part
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), name
}

// declared is the encoding that the page declares, nil for UTF-8; no name for none.
func declared(body []byte, contentType string) (encoding.Encoding, string) {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return nil, "utf-8"
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		return lookup("utf-16be")
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		return lookup("utf-16le")
	}
	if _, params, ok := strings.Cut(contentType, ";"); ok {
		if enc, name := lookup(parameter(params)); name != "" {
			return enc, name
		}
	}
	head := body[:min(len(body), prescan)]
	if enc, name := metaCharset(head); name != "" {
		return enc, name
	}
	return xmlCharset(head)
}

// detected is the encoding that a page without a declaration is in.
func detected(body []byte) (encoding.Encoding, string) {
	if utf8.Valid(withoutTail(body)) {
		return nil, "utf-8"
	}
	if found, err := chardet.NewHtmlDetector().DetectBest(body[:min(len(body), prescan)]); err == nil &&
		found.Confidence >= surely {
		// Of the single-byte alphabets it mistakes the Latin ones for each other; those
		// have to be the standard's last resort.
		switch found.Charset {
		case "Shift_JIS", "EUC-JP", "EUC-KR", "Big5", "GB-18030", "windows-1251", "KOI8-R",
			"ISO-8859-5", "ISO-8859-7", "windows-1253", "ISO-8859-8", "windows-1255", "windows-1256":
			return lookup(strings.Replace(found.Charset, "GB-18030", "gb18030", 1))
		}
	}
	return lookup("windows-1252")
}

// withoutTail leaves out a character that was cut with the body.
func withoutTail(body []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(body); i++ {
		if at := len(body) - i; utf8.RuneStart(body[at]) {
			if !utf8.FullRune(body[at:]) {
				return body[:at]
			}
			break
		}
	}
	return body
}

// lookup is the encoding of a label; nil for UTF-8, no name for an unknown one.
func lookup(label string) (encoding.Encoding, string) {
	if label == "" {
		return nil, ""
	}
	enc, name := charset.Lookup(label)
	if name == "utf-8" {
		return nil, name
	}
	return enc, name
}

// metaCharset looks for a meta element that names a charset that there is.
func metaCharset(head []byte) (encoding.Encoding, string) {
	if !containsFold(head, "charset") {
		return nil, ""
	}
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return nil, ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, more := z.TagName(); string(name) != "meta" || !more {
				continue
			}
			label := metaElement(z)
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(label)), "utf-16") {
				label = "utf-8" // it was just read as ASCII, so it cannot be
			}
			if strings.EqualFold(strings.TrimSpace(label), "x-user-defined") {
				label = "windows-1252" // as the standard says
			}
			if enc, name := lookup(label); name != "" {
				return enc, name
			}
		}
	}
}

// containsFold is bytes.Contains without regard to case; word is in lower case ASCII.
func containsFold(b []byte, word string) bool {
	for len(b) >= len(word) {
		i := bytes.IndexAny(b[:len(b)-len(word)+1], word[:1]+strings.ToUpper(word[:1]))
		if i < 0 {
			return false
		}
		if strings.EqualFold(string(b[i:i+len(word)]), word) {
			return true
		}
		b = b[i+1:]
	}
	return false
}

func metaElement(z *html.Tokenizer) string {
	var direct, content string
	var isType bool
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "charset":
			direct = string(value)
		case "content":
			content = string(value)
		case "http-equiv":
			isType = strings.EqualFold(string(value), "content-type")
		}
	}
	if direct != "" || !isType {
		return direct
	}
	return parameter(content)
}

// parameter finds the charset in the value of a Content-Type, however badly the rest of
// it is written ("algorithm for extracting a character encoding from a meta element").
func parameter(s string) string {
	for {
		i := strings.Index(strings.ToLower(s), "charset")
		if i < 0 {
			return ""
		}
		s = strings.TrimLeft(s[i+len("charset"):], " \t\r\n\f")
		value, ok := strings.CutPrefix(s, "=")
		if !ok {
			continue
		}
		value = strings.TrimLeft(value, " \t\r\n\f")
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			end := strings.IndexByte(value[1:], value[0])
			if end < 0 {
				return ""
			}
			return value[1 : 1+end]
		}
		if end := strings.IndexAny(value, "; \t\r\n\f,"); end >= 0 {
			value = value[:end]
		}
		return value
	}
}

var xmlDeclaration = regexp.MustCompile(`^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["'][^>]*\?>`)

// xmlCharset is what an XML declaration says, which must be the first thing there is.
func xmlCharset(head []byte) (encoding.Encoding, string) {
	if m := xmlDeclaration.FindSubmatch(head); m != nil {
		label := string(m[1])
		if strings.HasPrefix(strings.ToLower(label), "utf-16") {
			label = "utf-8"
		}
		return lookup(label)
	}
	return nil, ""
}
