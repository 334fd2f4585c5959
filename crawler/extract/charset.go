package extract

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// prescan is how much of a page is searched for a declaration of its charset. The
// standard says 1,024 bytes; real pages have it later, behind scripts.
const prescan = 8 << 10

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

// utf8Text decodes a page to UTF-8. What the page says of itself counts in the
// order of the standard: byte order mark, header, meta element; without any it
// is UTF-8 if it is valid as such, else Windows-1252.
func utf8Text(body []byte, contentType string) []byte {
	enc := declared(body, contentType)
	if enc == nil && !utf8.Valid(body) {
		enc, _ = charset.Lookup("windows-1252")
	}
	if enc == nil || enc == encoding.Nop {
		return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return body // a decoder that gives up leaves at least the ASCII part
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
}

// declared is the encoding that the page declares; encoding.Nop for UTF-8 and nil
// for none.
func declared(body []byte, contentType string) encoding.Encoding {
	for mark, name := range map[string]string{
		"\xef\xbb\xbf": "utf-8", "\xfe\xff": "utf-16be", "\xff\xfe": "utf-16le",
	} {
		if bytes.HasPrefix(body, []byte(mark)) {
			return lookup(name)
		}
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		if enc := lookup(params["charset"]); enc != nil {
			return enc
		}
	}
	name := metaCharset(body[:min(len(body), prescan)])
	if strings.HasPrefix(strings.ToLower(name), "utf-16") {
		name = "utf-8" // it was just read as ASCII, so it cannot be
	}
	return lookup(name)
}

func lookup(name string) encoding.Encoding {
	if name == "" {
		return nil
	}
	enc, canonical := charset.Lookup(name)
	if canonical == "utf-8" {
		return encoding.Nop
	}
	return enc
}

// metaCharset looks for a meta element that names the charset.
func metaCharset(head []byte) string {
	if !bytes.Contains(bytes.ToLower(head), []byte("charset")) {
		return ""
	}
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, more := z.TagName(); string(name) != "meta" || !more {
				continue
			}
			if c := metaElement(z); c != "" {
				return c
			}
		}
	}
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
	if _, params, err := mime.ParseMediaType(content); err == nil {
		return params["charset"]
	}
	return ""
}
