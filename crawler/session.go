package crawler

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// sessions keeps what tickets of one session share as long as the crawler lives: cookies,
// connections, the way that they introduce themselves. How many there can be is bounded by
// the sessions that are bound to this crawler.
type sessions struct {
	client *fetch.Client
	rules  *robots.Cache // of who has no identity

	mu  sync.Mutex
	all map[sessionID]*session
}

type sessionID struct {
	tenant fleet.TenantID
	key    fleet.SessionKey
}

// session is one identity towards sites.
type session struct {
	jar    *jar
	client *fetch.Client
	rules  *robots.Cache // what robots.txt files say to it
	own    fleet.Session // what client was made from
}

func newSessions(c *fetch.Client) *sessions {
	return &sessions{client: c, rules: newRules(c, nil), all: map[sessionID]*session{}}
}

// close ends the connections of all sessions.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.client != s.client {
			one.client.Close()
		}
	}
}

// of gives a ticket's session, or an identity for this crawl alone. carried is what another
// crawler has handed on, which counts where it is newer.
func (s *sessions) of(
	tenant fleet.TenantID, in *fleet.Session, carried *fleet.SessionState,
) (*session, error) {
	if in == nil {
		return s.fresh(), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := sessionID{tenant, in.Key}
	one := s.all[id]
	if one == nil {
		one = s.fresh()
		s.all[id] = one
	}
	one.jar.restore(carried)
	if err := one.become(s.client, *in); err != nil {
		return nil, err
	}
	return &session{jar: one.jar, client: one.client, rules: one.rules}, nil
}

// fresh is a session that nothing is known of yet.
func (s *sessions) fresh() *session {
	return &session{jar: newJar(), client: s.client, rules: s.rules}
}

// only gives the session as it is for a ticket that asks some ports alone: what a robots.txt
// on another one would have said to the others it does not know.
func (s *session) only(ports []int) *session {
	client := s.client.Only(ports)
	return &session{jar: s.jar, client: client, rules: newRules(client, s.jar)}
}

// become gives the session the identity that its newest ticket asks for.
func (s *session) become(shared *fetch.Client, in fleet.Session) error {
	in.Key, in.OnLoss = "", ""
	if s.own.Same(in) {
		return nil
	}
	i := fetch.Identity{UserAgent: in.UserAgent, Header: http.Header{}}
	for name, value := range in.Headers {
		i.Header.Set(name, value)
	}
	if in.Proxy != "" {
		proxy, err := url.Parse(in.Proxy)
		if err != nil {
			return fleet.Invalid("session.proxy", "is not a URL", "http://host:port")
		}
		i.Proxy = proxy
	}
	client, err := shared.As(i)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if s.client != shared {
		s.client.Close() // its requests under way go on
	}
	s.client, s.rules, s.own = client, newRules(client, s.jar), in
	return nil
}
