package sample

import (
	"net/url"
	"strings"
)

// The hosts of the site, as indices into Site.Hosts.
const (
	shop    = 0
	journal = 1
	// elsewhere is any host that the site does not serve; the place's path is then a whole URL.
	elsewhere = -1
)

// place is where a page is: one of the site's hosts, and the canonical path with its query.
// There is one place for each page, however its URL is spelled.
type place struct {
	host int
	path string
}

// canonicalPath gives the one spelling that all equivalent request targets share: dot segments
// resolved, escapes only where they are needed, no empty query. It does not merge double slashes,
// which mean something else.
func canonicalPath(u *url.URL) string {
	root := url.URL{Path: "/"}
	resolved := root.ResolveReference(&url.URL{Path: u.Path}).Path
	if resolved == "" {
		resolved = "/"
	}
	canonical := escapePath(resolved)
	if u.RawQuery != "" {
		canonical += "?" + u.RawQuery
	}
	return canonical
}

// escapePath percent-encodes a decoded path with the path percent-encode set of the WHATWG URL
// standard. net/url escapes more (such as parentheses), which browsers leave alone.
func escapePath(p string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(p) {
		c := p[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>?^`{}%", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// authority is host and port as a canonical URL has them.
func authority(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ":80")
}
