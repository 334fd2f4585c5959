package remote_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const token = fleet.Secret("cf1.acme.guid.mac")

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, o remote.Options) *remote.Client {
	t.Helper()
	o.Token = token
	c, err := remote.New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func answer(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func TestClient_SendsTheContract(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer "+token.Reveal() ||
			r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Accept-Encoding") != "" {
			answer(w, http.StatusBadRequest, fleet.Invalid("", "wrong", ""))
			return
		}
		switch r.URL.Path {
		case "/base" + fleet.PathClaim:
			answer(w, http.StatusOK, fleet.ClaimAnswer{Fence: 7})
		case "/base" + fleet.PathExchange:
			var e fleet.ExchangeRequest
			if err := json.NewDecoder(r.Body).Decode(&e); err == nil {
				answer(w, http.StatusOK, fleet.ExchangeAnswer{Next: fleet.NextStop, Reason: e.Pages[0].Title})
			}
		case "/base" + fleet.PathEcho:
			answer(w, http.StatusOK, fleet.EchoAnswer{Address: "127.0.0.9"})
		}
	})
	c := client(t, remote.Options{URL: s.URL + "/base/"})
	claim, err := c.Claim(t.Context(), fleet.ClaimRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 7, claim.Fence)
	exchange, err := c.Exchange(t.Context(), fleet.ExchangeRequest{Pages: []fleet.PageResult{{Title: "<&>"}}})
	require.NoError(t, err)
	require.Equal(t, fleet.NextStop, exchange.Next)
	require.Equal(t, "<&>", exchange.Reason)
	echo, err := c.Echo(t.Context(), fleet.EchoRequest{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.9", echo.Address)
}

func TestClient_RepeatsWhatPasses(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]http.HandlerFunc{
		"connection cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"answer cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"next":`)
			panic(http.ErrAbortHandler)
		},
		"bad gateway": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"internal": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusInternalServerError, fleet.Errorf(fleet.CodeInternal, "internal error"))
		},
		"over a rate of the gateway": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusTooManyRequests, fleet.Errorf(fleet.CodeBusy, "too many requests a second"))
		},
		"stuck": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) <= 3 {
					fail(w, r)
					return
				}
				b, _ := io.ReadAll(r.Body)
				answer(w, http.StatusOK, fleet.ExchangeAnswer{Reason: string(b)})
			})
			core, logs := observer.New(zapcore.DebugLevel)
			o := remote.Options{URL: s.URL, Log: zap.New(core)}
			if name == "stuck" {
				o.Attempt = 50 * time.Millisecond
			}
			a, err := client(t, o).Exchange(t.Context(), fleet.ExchangeRequest{Seq: 5})
			require.NoError(t, err)
			require.Contains(t, a.Reason, `"seq":5`, "each try carries the whole message")
			require.Equal(t, 1, logs.FilterMessage("the data plane does not answer").Len(), "it is said once")
			require.Equal(t, 1, logs.FilterMessage("the data plane answers again").Len())
			for _, e := range logs.All() {
				for _, f := range e.Context {
					require.NotContains(t, f.String, token.Reveal())
					if err, ok := f.Interface.(error); ok {
						require.NotContains(t, err.Error(), token.Reveal())
					}
				}
			}
		})
	}
}

func TestClient_DoesNotRepeatRefusals(t *testing.T) {
	t.Parallel()
	for _, code := range fleet.Codes() {
		if code.Retryable() {
			continue
		}
		var calls atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			answer(w, http.StatusConflict, &fleet.Error{
				Code: code, Message: "no", Field: "epoch", Want: "another", Hint: "ask",
			})
		})
		_, err := client(t, remote.Options{URL: s.URL}).Claim(t.Context(), fleet.ClaimRequest{})
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, &fleet.Error{Code: code, Message: "no", Field: "epoch", Want: "another", Hint: "ask"}, e)
		require.EqualValues(t, 1, calls.Load(), code)
	}
}

func TestClient_GivesUpWhenItsPatienceEnds(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close() // nobody listens there any more
	began := time.Now()
	_, err := client(t, remote.Options{URL: s.URL, Patience: 300 * time.Millisecond}).Echo(t.Context(), fleet.EchoRequest{})
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.ErrorContains(t, err, "tries")
	require.Less(t, time.Since(began), 20*time.Second)

	_, err = client(t, remote.Options{URL: s.URL, Patience: -1}).Echo(t.Context(), fleet.EchoRequest{})
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.ErrorContains(t, err, "1 tries")
}

func TestClient_GivesUpWithTheServersWord(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusServiceUnavailable, fleet.Errorf(fleet.CodeBusy, "the database is being moved"))
	})
	_, err := client(t, remote.Options{URL: s.URL, Patience: 100 * time.Millisecond}).Echo(t.Context(), fleet.EchoRequest{})
	require.Equal(t, fleet.CodeBusy, fleet.CodeOf(err))
	require.ErrorContains(t, err, "being moved")
}

func TestClient_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"while it calls": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"while it waits": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(); h(w, r) })
			_, err := client(t, remote.Options{URL: s.URL}).Echo(ctx, fleet.EchoRequest{})
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestClient_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) { leaked.Store(true) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	_, err := client(t, remote.Options{URL: s.URL}).Echo(t.Context(), fleet.EchoRequest{})
	require.ErrorContains(t, err, "307")
	require.False(t, leaked.Load())
}

// A source on loopback is not used for a data plane elsewhere: no address could be
// reached from it. 192.0.2.1 answers nobody, so that only the kind of error differs.
func TestClient_BindsTheSourceForLoopbackOnly(t *testing.T) {
	t.Parallel()
	source := netip.MustParseAddr("203.0.113.7") // not ours: binding to it fails at once
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, fleet.EchoAnswer{}) })
	o := remote.Options{URL: s.URL, Source: source, Patience: -1}
	_, err := client(t, o).Echo(t.Context(), fleet.EchoRequest{})
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err), "bound")
	require.ErrorContains(t, unwrapped(err), "203.0.113.7")

	o.URL, o.Attempt = "http://192.0.2.1:9", 50*time.Millisecond
	_, err = client(t, o).Echo(t.Context(), fleet.EchoRequest{})
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.NotContains(t, unwrapped(err).Error(), "203.0.113.7")

	o.SourceAny = true
	_, err = client(t, o).Echo(t.Context(), fleet.EchoRequest{})
	require.ErrorContains(t, unwrapped(err), "203.0.113.7")
}

func unwrapped(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok { //nolint:errorlint // its own cause
		return u.Unwrap()
	}
	return err
}

func TestNew_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url   string
		token fleet.Secret
		field string
	}{
		{"", token, "dataplane"},
		{"127.0.0.1:80", token, "dataplane"},
		{"ftp://a/", token, "dataplane"},
		{"http://", token, "dataplane"},
		{"http://a", "", "token"},
	} {
		_, err := remote.New(remote.Options{URL: c.url, Token: c.token})
		var e *fleet.Error
		require.ErrorAs(t, err, &e, c.url)
		require.Equal(t, c.field, e.Field)
	}
}
