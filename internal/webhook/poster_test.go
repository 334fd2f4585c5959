package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
	"github.com/crawlfleet/crawlfleet/internal/webhook"
)

func poster(t *testing.T, o webhook.Options) *webhook.Poster {
	t.Helper()
	o.Secret = func(id fleet.TenantID) fleet.Secret { return fleet.WebhookSecret("the fleet's", id) }
	o.UserAgent = "crawlfleet"
	p := webhook.New(o)
	t.Cleanup(p.Close)
	return p
}

// loopback lets the poster reach the test's own receiver.
var loopback = webhook.Options{Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}

func receiver(t *testing.T, h http.HandlerFunc) fleet.Delivery {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return fleet.Delivery{
		DeliveryRef: fleet.DeliveryRef{Tenant: "acme", ID: "msg_1"}, URL: s.URL + "/hook?key=hunter2",
	}
}

func TestPost_AnswersOf2xxAreDelivered(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 204, 299} {
		got := make(chan *http.Request, 1)
		d := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Header.Set("X-Body", string(body))
			got <- r
			w.WriteHeader(status)
		})
		require.NoError(t, poster(t, loopback).Post(t.Context(), d, []byte(`{"type":"ticket.done"}`)))
		r := <-got
		require.Equal(t, http.MethodPost, r.Method)
		require.Equal(t, `{"type":"ticket.done"}`, r.Header.Get("X-Body"))
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.Equal(t, "crawlfleet", r.Header.Get("User-Agent"))
		require.NotEmpty(t, r.Header.Get("webhook-signature"))
	}
}

func TestPost_SaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   fleet.Code
		after  time.Duration
	}{
		"500 Internal Server Error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, fleet.CodeUnavailable, 0},
		"404 Not Found":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, fleet.CodeUnavailable, 0},
		"503 Service Unavailable": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(503)
		}, fleet.CodeUnavailable, 7 * time.Second},
		"410 Gone: it wants no more": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, fleet.CodeNotFound, 0},
		"the receiver cut the connection": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, fleet.CodeUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := poster(t, loopback).Post(t.Context(), receiver(t, c.answer), nil)
			var e *fleet.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Message, name)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.after, e.RetryAfter.Std())
			require.NotContains(t, fmt.Sprintf("%+v", err), "hunter2", "a URL may be a secret")
		})
	}
}

func TestPost_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var inside atomic.Int64
	d := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inside" {
			inside.Add(1)
		}
		http.Redirect(w, r, "/inside", http.StatusTemporaryRedirect)
	})
	err := poster(t, loopback).Post(t.Context(), d, []byte("{}"))
	require.ErrorContains(t, err, "307 Temporary Redirect: redirects are not followed")
	require.Zero(t, inside.Load())
}

func TestPost_RefusesPrivateAddressesAtTheDial(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	d := receiver(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	for _, spelling := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0177.0.0.1"} {
		one := d
		one.URL = strings.Replace(d.URL, "127.0.0.1", spelling, 1)
		err := poster(t, webhook.Options{Timeout: 5 * time.Second}).Post(t.Context(), one, nil)
		require.Error(t, err, spelling)
		if spelling != "0177.0.0.1" { // a name to us, which resolves nowhere
			require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(err), spelling)
			require.ErrorContains(t, err, "is a private address", spelling)
		}
	}
	require.Zero(t, hits.Load())
}

func TestPost_TakesNoProxyFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	d := receiver(t, func(http.ResponseWriter, *http.Request) {})
	require.NoError(t, poster(t, loopback).Post(t.Context(), d, nil))
}

func TestPost_ASlowReceiverIsLeftAndALongAnswerIsCut(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	o := loopback
	o.Timeout = 50 * time.Millisecond
	err := poster(t, o).Post(t.Context(), slow, nil)
	require.Equal(t, fleet.CodeTimeout, fleet.CodeOf(err))
	require.ErrorContains(t, err, "no answer within 50ms")

	ended := make(chan error, 1)
	long := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
		}
	})
	require.NoError(t, poster(t, loopback).Post(t.Context(), long, nil))
	select {
	case err := <-ended:
		require.Error(t, err, "it was cut")
	case <-time.After(time.Minute):
		require.NoError(t, errors.New("the answer is read without end"))
	}
}
