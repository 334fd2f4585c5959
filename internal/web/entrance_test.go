package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/web"
)

func TestEntrance_KeyOpensItsTenantAndNothingElse(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	to := v.get("/t/demo/tickets?state=ended")
	require.Equal(t, http.StatusSeeOther, to.StatusCode)
	require.Equal(t, "/login?to=%2Ft%2Fdemo%2Ftickets%3Fstate%3Dended", to.Header.Get("Location"))
	require.Contains(t, v.get(to.Header.Get("Location")).text, `name="to" value="/t/demo/tickets?state=ended"`)

	require.Equal(t, "/t/demo", v.login(demoKey).Header.Get("Location"))
	require.Equal(t, http.StatusOK, v.get("/t/demo").StatusCode)
	missing := v.get("/t/demo/tickets/unknown")
	require.Equal(t, http.StatusNotFound, missing.StatusCode)
	for _, path := range []string{
		"/t/other", "/t/other/tickets/foreign", "/t/other/tickets/unknown", "/t/unknown", "/t/demo/tickets/foreign",
		"/t/demo/tickets/%20", "/t/other/tickets/foreign/pages.csv", "/t/demo/tickets/unknown/pages.jsonl",
	} {
		a := v.get(path)
		require.Equal(t, http.StatusNotFound, a.StatusCode, path)
		require.Equal(t, missing.text, a.text, path)
	}
	foreign := v.post("/t/other/tickets/foreign/cancel", url.Values{"token": {v.token("/t/demo/submit")}})
	require.Equal(t, http.StatusNotFound, foreign.StatusCode)
	require.Equal(t, missing.text, foreign.text)
}

func TestEntrance_BearerNeedsNoSession(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	with := func(header, path string) answer {
		r := v.request(http.MethodGet, path, "")
		r.Header.Set("Authorization", header)
		return v.do(r)
	}
	require.Equal(t, http.StatusOK, with("Bearer "+demoKey.Reveal(), "/t/demo").StatusCode)
	require.Equal(t, http.StatusNotFound, with("Bearer "+otherKey.Reveal(), "/t/demo").StatusCode)
	wrong := with("Bearer cfk_wrong", "/t/demo")
	require.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
	require.Equal(t, "Bearer", wrong.Header.Get("WWW-Authenticate"))
	require.NotContains(t, wrong.text, "cfk_wrong")
	require.Equal(t, http.StatusUnauthorized, with("Basic x", "/t/demo").StatusCode)
}

func TestEntrance_KeyInTheURLOpensNothing(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	a := v.post("/login?key="+demoKey.Reveal(), url.Values{})
	require.Equal(t, http.StatusUnauthorized, a.StatusCode)
	require.Equal(t, http.StatusSeeOther, v.get("/t/demo?key="+demoKey.Reveal()).StatusCode)
}

func TestSession_CookieIsKeptFromScriptsAndOtherSites(t *testing.T) {
	t.Parallel()
	c := newWorld().serve(t).login(demoKey).Cookies()[0]
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, c.SameSite)
	require.False(t, c.Secure, "this site is not reached over TLS")
	require.NotContains(t, c.Value, demoKey.Reveal())

	v := newWorld().serve(t, func(o *web.Options) { o.URL = "https://crawls.example.com" })
	a := v.login(demoKey)
	c = a.Cookies()[0]
	require.True(t, c.Secure)
	require.Equal(t, "__Host-crawlfleet", c.Name)
	require.NotEmpty(t, a.Header.Get("Strict-Transport-Security"))
}

func TestSession_EndsWithItsKey(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*world, *fleet.KeyRow){
		"revoked":      func(_ *world, k *fleet.KeyRow) { k.RevokedAt = at },
		"expired":      func(_ *world, k *fleet.KeyRow) { k.ExpiresAt = at },
		"twelve hours": func(w *world, _ *fleet.KeyRow) { w.now = w.now.Add(12 * time.Hour) },
		"of another":   func(_ *world, k *fleet.KeyRow) { k.Tenant = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			v := w.serve(t)
			v.login(demoKey)
			require.Equal(t, http.StatusOK, v.get("/t/demo").StatusCode)
			w.mu.Lock()
			row := w.keys[fleet.KeyDigest(demoKey)]
			end(w, &row)
			w.keys[fleet.KeyDigest(demoKey)] = row
			w.mu.Unlock()
			require.Equal(t, http.StatusSeeOther, v.get("/t/demo").StatusCode)
		})
	}
}

func TestSession_LoggedOutCannotBeUsedAgain(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	cookie := v.login(demoKey).Cookies()[0]
	require.Equal(t, "/login", v.post("/logout", nil).Header.Get("Location"))
	require.Equal(t, http.StatusSeeOther, v.get("/t/demo").StatusCode)
	stolen := v.request(http.MethodGet, "/t/demo", "")
	stolen.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	require.Equal(t, http.StatusSeeOther, v.do(stolen).StatusCode)
}

func TestSession_ForgedIsNone(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	good := v.login(demoKey).Cookies()[0].Value
	body, sum, _ := strings.Cut(good, ".")
	for _, value := range []string{body, body + ".", "x" + good, body + "x." + sum, "." + sum, good + "A", ""} {
		r := v.another().request(http.MethodGet, "/t/demo", "")
		r.AddCookie(&http.Cookie{Name: "crawlfleet", Value: value})
		require.Equal(t, http.StatusSeeOther, v.another().do(r).StatusCode, value)
	}
	w := newWorld()
	elsewhere := w.serve(t, func(o *web.Options) { o.Secret = "of another fleet" })
	r := elsewhere.request(http.MethodGet, "/t/demo", "")
	r.AddCookie(&http.Cookie{Name: "crawlfleet", Value: good})
	require.Equal(t, http.StatusSeeOther, elsewhere.do(r).StatusCode)
}

func TestLogin_LeadsNowhereElse(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	for to, want := range map[string]string{
		"/t/demo/tickets": "/t/demo/tickets", "https://evil.example/t/": "/t/demo", "//evil.example/t/": "/t/demo",
		"/\\evil.example": "/t/demo", "/t/\\evil": "/t/demo", "": "/t/demo", "javascript:alert(1)": "/t/demo",
	} {
		a := v.post("/login", url.Values{"key": {demoKey.Reveal()}, "to": {to}})
		require.Equal(t, want, a.Header.Get("Location"), to)
	}
}

func TestLogin_WrongKeysAreSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, v.login("cfk_guess").StatusCode)
	}
	slowed := v.login(demoKey)
	require.Equal(t, http.StatusTooManyRequests, slowed.StatusCode)
	require.Equal(t, "6", slowed.Header.Get("Retry-After"))
	w.mu.Lock()
	w.now = w.now.Add(6 * time.Second)
	w.mu.Unlock()
	require.Equal(t, http.StatusSeeOther, v.login(demoKey).StatusCode)
}

func TestLogin_BehindAProxyEachAddressIsCountedByItself(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t, func(o *web.Options) { o.URL = "https://crawls.example.com" })
	try := func(from string, key fleet.Secret) int {
		r := v.request(http.MethodPost, "/login", url.Values{"key": {key.Reveal()}}.Encode())
		r.Header.Set("X-Forwarded-For", from)
		return v.do(r).StatusCode
	}
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, try("10.9.9.9, 192.0.2.1", "cfk_guess"))
	}
	require.Equal(t, http.StatusTooManyRequests, try("192.0.2.1", demoKey))
	require.Equal(t, http.StatusSeeOther, try("192.0.2.1, 192.0.2.2", demoKey))
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, try("2001:db8::1", "cfk_guess"))
	}
	require.Equal(t, http.StatusTooManyRequests, try("2001:db8::2", demoKey), "one customer's network")
}

func TestPages_TellNothingOfOurOwnTroubles(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	w.mu.Lock()
	w.away = errors.New("open /var/lib/control.db: disk I/O error")
	w.mu.Unlock()
	a := v.get("/t/demo")
	require.Equal(t, http.StatusInternalServerError, a.StatusCode)
	require.NotContains(t, a.text, "control.db")
}
