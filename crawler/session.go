package crawler

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"sync/atomic"

	"golang.org/x/net/publicsuffix"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxCookies bounds what sites can store in one jar: a browser keeps 180 for a
// domain, and a session visits few.
const maxCookies = 4096

// sessions keeps a cookie jar for each session as long as the crawler lives. How
// many there can be is bounded by the sessions that are bound to this crawler.
type sessions struct {
	mu   sync.Mutex
	jars map[sessionID]http.CookieJar
}

type sessionID struct {
	tenant fleet.TenantID
	key    fleet.SessionKey
}

func newSessions() *sessions { return &sessions{jars: map[sessionID]http.CookieJar{}} }

// jar gives the jar of a ticket's session, or one for this crawl alone.
func (s *sessions) jar(tenant fleet.TenantID, session *fleet.Session) http.CookieJar {
	if session == nil {
		return newJar()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := sessionID{tenant, session.Key}
	if s.jars[id] == nil {
		s.jars[id] = newJar()
	}
	return s.jars[id]
}

// jar is a cookie jar that takes a bounded number of cookies.
type jar struct {
	http.CookieJar
	set atomic.Int64
}

func newJar() *jar {
	j, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		panic("crawler: cookiejar.New: " + err.Error()) // it has no way to fail
	}
	return &jar{CookieJar: j}
}

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	if j.set.Add(int64(len(cookies))) <= maxCookies {
		j.CookieJar.SetCookies(u, cookies)
	}
}
