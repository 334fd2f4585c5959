package robots

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Directives are what a page itself says to crawlers, in its X-Robots-Tag headers and its
// robots metas (developers.google.com/search/docs/crawling-indexing/robots-meta-tag).
type Directives struct {
	NoIndex  bool // its content is not to be kept
	NoFollow bool // its links are not to be followed
}

// String is "noindex", "nofollow", both, or "".
func (d Directives) String() string {
	switch {
	case d.NoIndex && d.NoFollow:
		return "noindex, nofollow"
	case d.NoIndex:
		return "noindex"
	case d.NoFollow:
		return "nofollow"
	default:
		return ""
	}
}

// maxHead is how much of a page is looked through for metas: they stand before the body.
const maxHead = 64 << 10

// Direct reads the directives for a product token from X-Robots-Tag headers and, where
// body is HTML, from its head. The strictest of all that apply counts.
func Direct(headers []string, body []byte, product string) (d Directives) {
	for _, h := range headers {
		d.header(h, product)
	}
	if bytes.Contains(body[:min(len(body), maxHead)], []byte("<")) {
		d.head(body[:min(len(body), maxHead)], product)
	}
	return d
}

// header reads one X-Robots-Tag: directives, of which "name:" in front makes those behind it
// one crawler's.
func (d *Directives) header(value, product string) {
	ours := true
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if name, rest, ok := strings.Cut(part, ":"); ok {
			if valued(name) {
				continue // max-snippet:20 and the like say nothing of these
			}
			ours, part = strings.EqualFold(strings.TrimSpace(name), product), strings.TrimSpace(rest)
		}
		if ours {
			d.word(part)
		}
	}
}

// valued reports whether a word before a colon is a directive and not a crawler's name.
func valued(name string) bool {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "max-snippet", "max-image-preview", "max-video-preview", "unavailable_after":
		return true
	default:
		return false
	}
}

func (d *Directives) word(word string) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "none":
		d.NoIndex, d.NoFollow = true, true
	case "noindex":
		d.NoIndex = true
	case "nofollow":
		d.NoFollow = true
	}
}

// head reads the metas that stand before the body.
func (d *Directives) head(page []byte, product string) {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch tag := atom.Lookup(name); {
			case tag == atom.Body:
				return
			case tag == atom.Meta && more:
				d.meta(z, product)
			}
		}
	}
}

func (d *Directives) meta(z *html.Tokenizer, product string) {
	name, content := "", ""
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "name":
			name = strings.TrimSpace(string(value))
		case "content":
			content = string(value)
		}
	}
	if strings.EqualFold(name, "robots") || strings.EqualFold(name, product) {
		for word := range strings.SplitSeq(content, ",") {
			d.word(word)
		}
	}
}
