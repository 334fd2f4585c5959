package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// enter finds who asks: by the key itself (Authorization: Bearer), else by the session.
// What the key does not open is not_found; who has shown no key is sent to the login.
func (s *site) enter(r *http.Request) (*visit, error) {
	key, session, err := s.visitor(r)
	if err != nil {
		return nil, err
	}
	if key.Tenant != fleet.TenantID(r.PathValue("tenant")) {
		return nil, fleet.Errorf(fleet.CodeNotFound, "another tenant")
	}
	status, err := s.Control.Tenant(r.Context(), key.Tenant)
	if err != nil {
		return nil, err
	}
	return &visit{status: status, key: key.Name, session: session}, nil
}

// visitor finds the key that a request has shown, and its session where it has one.
func (s *site) visitor(r *http.Request) (fleet.KeyRow, *session, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		key, ok := strings.CutPrefix(header, "Bearer ")
		if !ok {
			return fleet.KeyRow{}, nil, errBadKey
		}
		row, _, err := s.unlock(r, fleet.Secret(key))
		return row, nil, err
	}
	in := s.session(r)
	if in == nil {
		return fleet.KeyRow{}, nil, errNoKey
	}
	row, err := s.valid(r, in.Digest)
	if fleet.CodeOf(err) == fleet.CodeNotFound || err == nil && row.Tenant != in.Tenant {
		return fleet.KeyRow{}, nil, errNoKey // revoked, or the tenant is gone
	}
	return row, in, err
}

var (
	errNoKey  = fleet.Errorf(fleet.CodeForbidden, "a key is needed")
	errBadKey = fleet.Errorf(fleet.CodeForbidden, "the key is not valid")
)

// unlock finds what a key opens, and counts it where that is nothing.
func (s *site) unlock(r *http.Request, key fleet.Secret) (fleet.KeyRow, string, error) {
	from, now := addressOf(r, s.proxied), s.Clock()
	if wait := s.failures.wait(from, now); wait > 0 {
		e := fleet.Errorf(fleet.CodeQuota, "too many wrong keys came from your address")
		e.RetryAfter = fleet.Duration(wait.Round(time.Second))
		return fleet.KeyRow{}, "", e
	}
	digest := fleet.KeyDigest(key)
	row, err := s.valid(r, digest)
	if fleet.CodeOf(err) == fleet.CodeNotFound {
		s.failures.add(from, now)
		err = errBadKey
	}
	return row, digest, err
}

// valid finds the key of a digest that opens something now. Keys are found by their
// digest, so that no comparison can tell how much of one was right.
func (s *site) valid(r *http.Request, digest string) (fleet.KeyRow, error) {
	row, err := s.Control.KeyOf(r.Context(), digest)
	if err == nil && !row.Valid(s.Clock()) {
		err = fleet.Errorf(fleet.CodeNotFound, "the key has ended")
	}
	return row, err
}

// cookie is the name of the session's cookie. With TLS the browser itself holds it to
// this host.
func (s *site) cookie() string {
	if s.secure {
		return "__Host-crawlfleet"
	}
	return "crawlfleet"
}

func (s *site) session(r *http.Request) *session {
	c, err := r.Cookie(s.cookie())
	if err != nil {
		return nil
	}
	in, ok := s.sealer.open(c.Value, s.Clock())
	if !ok || s.ended.has(in.ID) {
		return nil
	}
	return in
}

func (s *site) setCookie(w http.ResponseWriter, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(), Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if in := s.session(r); in != nil {
		to = "/t/" + string(in.Tenant)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// loginView is what the login page shows.
type loginView struct {
	To    string // where to go on
	Error string
}

func (s *site) loginForm(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "login", frame{Title: "Log in", Body: loginView{To: r.FormValue("to")}})
}

// maxLogin is the most bytes of a login: a key and a path.
const maxLogin = 8 << 10

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, fleet.Invalid("", "the form cannot be read", "a form of this page"))
		return
	}
	// From the body only: a key in a URL would be in logs.
	row, digest, err := s.unlock(r, fleet.Secret(r.PostForm.Get("key")))
	if err != nil {
		s.loginAgain(w, r, err)
		return
	}
	value, err := s.sealer.seal(newSession(row.Tenant, digest, s.Clock()))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.setCookie(w, value, sessionLife)
	to := "/t/" + string(row.Tenant)
	if asked := r.PostForm.Get("to"); localPath(asked) {
		to = asked
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// localPath reports whether a page of ours is meant, and not another site's.
func localPath(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(path, "/t/") &&
		!strings.ContainsAny(path, "\\\r\n")
}

func (s *site) loginAgain(w http.ResponseWriter, r *http.Request, err error) {
	status, shown := statusOf(err), s.worded(r, err)
	retryAfter(w, shown)
	view := loginView{To: r.PostForm.Get("to"), Error: sentence(shown)}
	s.show(w, r, status, "login", frame{Title: "Log in", Body: view})
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	if in := s.session(r); in != nil {
		s.ended.add(in.ID, in.Expires, s.Clock())
	}
	s.setCookie(w, "", -time.Second)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// ended are the sessions that were logged out, until they would have expired. A restart
// forgets them; the browser has dropped them all the same.
type ended struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (e *ended) has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.until[id].IsZero()
}

func (e *ended) add(id string, expires, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.until == nil {
		e.until = map[string]time.Time{}
	}
	for old, until := range e.until {
		if until.Before(now) {
			delete(e.until, old)
		}
	}
	e.until[id] = expires
}
