package remote_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// entrance is a gateway that admits the first nonce, and knows which credential is good.
type entrance struct {
	*httptest.Server
	lasts    time.Duration
	entered  atomic.Int64
	renewed  atomic.Int64
	loseOne  atomic.Bool // the answer to the next bootstrap
	closed   atomic.Bool // no renewal any more
	mu       sync.Mutex
	nonce    string
	serial   int
	good     map[string]bool
	protocol []string
}

func newEntrance(t *testing.T, lasts time.Duration) *entrance {
	t.Helper()
	e := &entrance{lasts: lasts, good: map[string]bool{}}
	e.Server = httptest.NewUnstartedServer(e)
	e.EnableHTTP2 = true
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.protocol = append(e.protocol, r.Proto)
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.URL.Path == fleet.PathBootstrap {
		var ask fleet.BootstrapRequest
		_ = json.NewDecoder(r.Body).Decode(&ask)
		if bearer != token.Reveal() || e.nonce != "" && ask.Nonce != e.nonce || len(ask.Nonce) < 16 {
			answer(w, http.StatusForbidden, fleet.Errorf(fleet.CodeForbidden, "no"))
			return
		}
		e.nonce = ask.Nonce
		e.entered.Add(1)
		if e.loseOne.CompareAndSwap(true, false) {
			panic(http.ErrAbortHandler)
		}
		e.give(w)
		return
	}
	if !e.good[bearer] {
		answer(w, http.StatusUnauthorized, &fleet.Error{Code: fleet.CodeForbidden, Field: "expired", Message: "old"})
		return
	}
	switch {
	case r.URL.Path == fleet.PathRenew && e.closed.Load():
		answer(w, http.StatusForbidden, fleet.Errorf(fleet.CodeForbidden, "the crawler is retired"))
	case r.URL.Path == fleet.PathRenew:
		e.renewed.Add(1)
		e.give(w)
	default:
		answer(w, http.StatusOK, fleet.EchoAnswer{Address: bearer})
	}
}

func (e *entrance) give(w http.ResponseWriter) {
	e.serial++
	bearer := "credential-" + strconv.Itoa(e.serial)
	e.good[bearer] = true
	answer(w, http.StatusOK, fleet.Credential{
		Bearer: bearer, Lasts: fleet.Duration(e.lasts), Echo: fleet.EchoAnswer{Address: "192.0.2.1", Proof: "signed"},
	})
}

// expire has the gateway take none of the credentials that it gave out.
func (e *entrance) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.good)
}

func (e *entrance) client(t *testing.T, edits ...func(*remote.Options)) *remote.Client {
	t.Helper()
	o := remote.Options{URL: e.URL, Token: token, Gateway: true, CA: pem.EncodeToMemory(&pem.Block{
		Type: "CERTIFICATE", Bytes: e.Certificate().Raw,
	})}
	for _, edit := range edits {
		edit(&o)
	}
	c, err := remote.New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestPass_EntersOnceAndAsksForNothingMore(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, time.Hour)
	e.loseOne.Store(true)
	c := e.client(t)
	early := make(chan fleet.EchoAnswer, 1)
	go func() {
		a, err := c.Echo(t.Context(), fleet.EchoRequest{})
		if err == nil {
			early <- a
		}
		close(early)
	}()
	seen, err := c.Enter(t.Context())
	require.NoError(t, err, "a lost answer is asked for again, with the same nonce")
	require.Equal(t, fleet.EchoAnswer{Address: "192.0.2.1", Proof: "signed"}, seen)
	require.Equal(t, "credential-1", (<-early).Address, "who came too early has waited")
	require.EqualValues(t, 2, e.entered.Load())
	for range 10 {
		a, err := c.Echo(t.Context(), fleet.EchoRequest{})
		require.NoError(t, err)
		require.Equal(t, "credential-1", a.Address)
	}
	require.EqualValues(t, 2, e.entered.Load())
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.protocol {
		require.Equal(t, "HTTP/2.0", p)
	}
}

func TestPass_IsRefusedWhereAnotherHasBeen(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, time.Hour)
	_, err := e.client(t).Enter(t.Context())
	require.NoError(t, err)
	_, err = e.client(t).Enter(t.Context())
	require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(err))
}

func TestPass_RenewsAtHalf(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, 400*time.Millisecond)
	c := e.client(t)
	_, err := c.Enter(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Renew(ctx) }()
	require.Eventually(t, func() bool { return e.renewed.Load() >= 3 }, time.Minute, 10*time.Millisecond)
	require.EqualValues(t, 1, e.entered.Load(), "it never came to its end")
	e.closed.Store(true)
	require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(<-ended), "then it is not wanted any more")
	cancel()
}

// A machine that was asleep comes back with a credential that has expired.
func TestPass_EntersAgainWhereTheCredentialHasExpired(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, time.Hour)
	c := e.client(t)
	_, err := c.Enter(t.Context())
	require.NoError(t, err)
	e.expire()
	a, err := c.Echo(t.Context(), fleet.EchoRequest{})
	require.NoError(t, err)
	require.Equal(t, "credential-2", a.Address)

	short := newEntrance(t, 20*time.Millisecond)
	c = short.client(t)
	_, err = c.Enter(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := c.Bearer(t.Context())
		require.NoError(t, err)
		return short.entered.Load() > 1
	}, time.Minute, 5*time.Millisecond, "by its own clock, without a refusal")
}

func TestPass_TrustsItsAuthorityOnly(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, time.Hour)
	c := e.client(t, func(o *remote.Options) { o.CA, o.Patience = nil, -1 })
	_, err := c.Enter(t.Context())
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.Zero(t, e.entered.Load(), "the token was not shown")
	for field, o := range map[string]remote.Options{
		"in the clear": {URL: "http://127.0.0.1:1", Token: token, Gateway: true},
		"no authority": {URL: e.URL, Token: token, Gateway: true, CA: []byte("not PEM")},
	} {
		_, err := remote.New(o)
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), field)
	}
}
