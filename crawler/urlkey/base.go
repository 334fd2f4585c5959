package urlkey

import "strings"

// Base is what the links of one page are relative to.
type Base struct {
	url  URL
	path string // without the query
	dir  string // path up to and with its last slash
}

// NewBase makes the page's own URL, or that of its base element, the base.
func NewBase(u URL) Base {
	path, _, _ := strings.Cut(u.PathQuery(), "?")
	return Base{url: u, path: path, dir: path[:strings.LastIndexByte(path, '/')+1]}
}

// URL is the base itself.
func (b Base) URL() URL { return b.url }

// Origin is scheme://host[:port] of the base.
func (b Base) Origin() string { return b.url.Origin() }

// Resolve reads one link of the page. It fails as Parse does.
//
// Most links are plain ASCII paths; they take a short way that gives exactly what
// the parser would (a test holds it to that) at a twentieth of its cost. With a
// hundred links a page, the parser would be the dearest part of a crawl.
func (b Base) Resolve(href string) (URL, error) {
	at, how := b.short(href)
	switch how {
	case shortDone:
		return build(at.origin, at.host, at.pathQuery)
	case shortOther:
		return URL{}, ErrScheme
	default:
		return parse(b.url.URL, href)
	}
}

type shortcut int

const (
	shortNone  shortcut = iota + 1 // take the parser
	shortDone                      // resolved
	shortOther                     // another scheme than http and https
)

// target is where a link leads, in parts.
type target struct{ origin, host, pathQuery string }

// short resolves a link without the parser where that is safe.
func (b Base) short(href string) (target, shortcut) {
	ref := strings.TrimFunc(href, func(r rune) bool { return r <= ' ' })
	if i := strings.IndexByte(ref, '#'); i >= 0 {
		ref = ref[:i]
	}
	if !isPlain(ref) {
		return target{}, shortNone
	}
	own := target{origin: b.url.Origin(), host: b.url.Host}
	switch {
	case ref == "":
		own.pathQuery = b.url.PathQuery()
		return own, shortDone
	case ref[0] == '?':
		own.pathQuery = b.path + ref
		return own, shortDone
	case strings.HasPrefix(ref, "//"):
		return target{}, shortNone
	case ref[0] == '/':
		own.pathQuery = clean(ref)
		return own, shortDone
	}
	if i := strings.IndexAny(ref, ":/?"); i >= 0 && ref[i] == ':' {
		return b.absolute(ref, ref[:i])
	}
	own.pathQuery = clean(b.dir + ref)
	return own, shortDone
}

// absolute reads a link that begins with a scheme.
func (b Base) absolute(ref, scheme string) (target, shortcut) {
	switch scheme {
	case "http", "https":
	case "mailto", "javascript", "tel", "data":
		return target{}, shortOther
	default:
		return target{}, shortNone
	}
	rest, ok := strings.CutPrefix(ref[len(scheme):], "://")
	if !ok {
		return target{}, shortNone
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	to := target{origin: ref[:len(scheme)+3+end], host: rest[:end], pathQuery: rest[end:]}
	if to.origin != b.url.Origin() && !isPlainHost(to.host) {
		return target{}, shortNone
	}
	if !strings.HasPrefix(to.pathQuery, "/") {
		to.pathQuery = "/" + to.pathQuery
	}
	to.pathQuery = clean(to.pathQuery)
	return to, shortDone
}

// isPlainHost reports whether a host is a name in lower case that needs neither
// IDNA nor a look at whether it is a number, which is an address.
func isPlainHost(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || !isAlpha(last[0]) || strings.Contains(host, "xn--") || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			len(label) > 3 && label[2:4] == "--" {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// clean removes dot segments from the path of a plain path with query.
func clean(pathQuery string) string {
	path, query := pathQuery, ""
	if i := strings.IndexByte(pathQuery, '?'); i >= 0 {
		path, query = pathQuery[:i], pathQuery[i:]
	}
	if !strings.Contains(path, "/.") {
		return pathQuery
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		case ".":
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/") + query
}

// isPlain reports whether every byte stands for itself in path and query alike
// and no escape hides a dot segment.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isUnreserved(c):
		case strings.IndexByte("/?:@!$&()*+,;=", c) >= 0:
		case c == '%' && isEscape(s[i:]) && (s[i+1] != '2' || s[i+2]|0x20 != 'e'):
			// %2e is a dot: the parser looks for dot segments made of it.
		default:
			return false
		}
	}
	return true
}
