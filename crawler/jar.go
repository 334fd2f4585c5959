package crawler

import (
	"cmp"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxCookies bounds what sites can store in one jar: a browser keeps 180 for a
// domain, and a session visits few.
const maxCookies = 4096

// jar is a cookie jar that takes a bounded number of cookies and knows what it has, so
// that it can be handed on.
type jar struct {
	mu      sync.Mutex
	inner   http.CookieJar
	kept    map[cookieID]fleet.Cookie
	version int64
}

// cookieID is what makes a later cookie take an earlier one's place (RFC 6265 section 5.3).
type cookieID struct{ domain, path, name string }

func newJar() *jar {
	return &jar{inner: newInner(), kept: map[cookieID]fleet.Cookie{}}
}

func newInner() http.CookieJar {
	j, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		panic("crawler: cookiejar.New: " + err.Error()) // it has no way to fail
	}
	return j
}

// Cookies implements http.CookieJar.
func (j *jar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.inner.Cookies(u)
}

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	for _, c := range cookies {
		if j.keep(u, c, now) {
			j.inner.SetCookies(u, []*http.Cookie{c})
		}
	}
	j.version = max(j.version+1, now.UnixMicro())
}

// keep notes a cookie, and reports whether there is room for it.
func (j *jar) keep(u *url.URL, c *http.Cookie, now time.Time) bool {
	at := c.Path
	if at == "" || at[0] != '/' {
		at = path.Dir(cmp.Or(u.Path, "/")) // RFC 6265 section 5.1.4
	}
	id := cookieID{cmp.Or(c.Domain, u.Hostname()), at, c.Name}
	expires := c.Expires
	if c.MaxAge > 0 {
		expires = now.Add(time.Duration(min(c.MaxAge, maxCookieAge)) * time.Second)
	}
	if c.MaxAge < 0 || !expires.IsZero() && expires.Before(now) {
		delete(j.kept, id)
		return true
	}
	if _, known := j.kept[id]; !known && len(j.kept) >= maxCookies {
		return false
	}
	j.kept[id] = fleet.Cookie{
		URL: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}).String(), Name: c.Name,
		Value: fleet.CookieValue(c.Value), Domain: c.Domain, Path: at, Expires: expires.UTC(),
		Secure: c.Secure, HTTPOnly: c.HttpOnly,
	}
	return true
}

// maxCookieAge keeps the sum with now from overflowing; no browser keeps one longer.
const maxCookieAge = 400 * 24 * 3600

// restore takes over what another crawler, or an import, has left, if that is newer.
func (j *jar) restore(s *fleet.SessionState) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s == nil || s.Version <= j.version {
		return
	}
	j.inner, j.kept, j.version = newInner(), map[cookieID]fleet.Cookie{}, s.Version
	now := time.Now()
	for _, c := range s.Cookies {
		u, err := url.Parse(c.URL)
		if err != nil {
			continue // another version's
		}
		cookie := &http.Cookie{
			Name: c.Name, Value: string(c.Value), Domain: c.Domain, Path: c.Path,
			Expires: c.Expires, Secure: c.Secure, HttpOnly: c.HTTPOnly,
		}
		if j.keep(u, cookie, now) {
			j.inner.SetCookies(u, []*http.Cookie{cookie})
		}
	}
}

// since is what has changed after a version, nil for nothing.
func (j *jar) since(version int64) *fleet.SessionState {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.version <= version {
		return nil
	}
	s := &fleet.SessionState{Version: j.version}
	for _, c := range j.kept {
		s.Cookies = append(s.Cookies, c)
	}
	slices.SortFunc(s.Cookies, func(a, b fleet.Cookie) int {
		return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
	return s
}
