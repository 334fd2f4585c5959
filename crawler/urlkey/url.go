package urlkey

import (
	"errors"
	"fmt"
	"strings"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/crawlfleet/crawlfleet/fleet"
)

var (
	// ErrScheme says that a link is not http or https: mailto:, javascript:, data: …
	ErrScheme = errors.New("not an http or https URL")
	// ErrLength says that a URL is longer than fleet.MaxURL: a trap or a mistake.
	ErrLength = fmt.Errorf("longer than %d characters", fleet.MaxURL)
)

// URL is one http or https URL. The zero value is none.
type URL struct {
	// URL is what is fetched: absolute, without fragment and user info.
	URL string
	// Key is the canonical form: two URLs with one key are one page.
	Key string
	// Host is the host name in lower case, with the port where it is not the
	// scheme's own.
	Host string

	origin int // length of scheme://host[:port] in URL
}

// Origin is scheme://host[:port], the authority that a robots.txt speaks for.
func (u URL) Origin() string { return u.URL[:u.origin] }

// Hostname is the host without its port; an address of version 6 keeps its brackets.
func (u URL) Hostname() string {
	if i := strings.LastIndexByte(u.Host, ':'); i > strings.LastIndexByte(u.Host, ']') {
		return u.Host[:i]
	}
	return u.Host
}

// Port is the port that is asked: the scheme's own where the host names none.
func (u URL) Port() string {
	if name := u.Hostname(); len(name) < len(u.Host) {
		return u.Host[len(name)+1:]
	}
	if strings.HasPrefix(u.URL, "https:") {
		return "443"
	}
	return "80"
}

// PathQuery is the path with the query, as it is sent to the server.
func (u URL) PathQuery() string { return u.URL[u.origin:] }

// Parse reads an absolute URL. It fails with ErrScheme, ErrLength or the
// parser's own error.
func Parse(raw string) (URL, error) { return parse("", raw) }

// parse is the slow and always right way: the WHATWG parser.
func parse(base, ref string) (URL, error) {
	if len(ref) > fleet.MaxURL {
		return URL{}, ErrLength
	}
	u, err := whatwg.ParseRef(base, ref)
	if err != nil {
		return URL{}, fmt.Errorf("parse URL: %w", err)
	}
	if s := u.Scheme(); s != "http" && s != "https" {
		return URL{}, ErrScheme
	}
	origin := u.Scheme() + "://" + u.Host()
	return build(origin, u.Host(), escapeBarePercents(u.Pathname()+search(u)))
}

// search is the query with its question mark, which the parser's own Search
// leaves out where the query is empty.
func search(u *whatwg.Url) string {
	if s := u.Search(); s != "" {
		return s
	}
	if strings.HasSuffix(u.Href(true), "?") {
		return "?"
	}
	return ""
}

// build puts a URL together from parts that are normalised but for escapes.
func build(origin, host, pathQuery string) (URL, error) {
	s := origin + pathQuery
	if len(s) > fleet.MaxURL {
		return URL{}, ErrLength
	}
	u := URL{URL: s, Key: s, Host: host, origin: len(origin)}
	if strings.IndexByte(pathQuery, '%') >= 0 {
		u.Key = origin + normaliseEscapes(pathQuery)
	}
	if strings.HasSuffix(u.Key, "?") && strings.Count(u.Key, "?") == 1 {
		u.Key = u.Key[:len(u.Key)-1]
	}
	return u, nil
}
