package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

func TestReason(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://h/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	for _, c := range []struct {
		err     error
		reason  string
		passing bool
	}{
		{
			wrap(&guard.BlockedError{Addr: netip.MustParseAddrPort("10.0.0.1:80"), Why: "is a private address"}),
			"ssrf: 10.0.0.1 is a private address", false,
		},
		{wrap(&net.DNSError{IsNotFound: true, Name: "h"}), "dns: no such host", false},
		{wrap(&net.DNSError{IsTimeout: true, Name: "h"}), "dns", true},
		{fmt.Errorf("get: %w", context.DeadlineExceeded), "timeout", true},
		{wrap(syscall.ETIMEDOUT), "timeout", true},
		{wrap(syscall.ECONNREFUSED), "connection refused", true},
		{wrap(syscall.ECONNRESET), "connection reset", true},
		{wrap(io.EOF), "connection closed", true},
		{io.ErrUnexpectedEOF, "connection closed", true},
		{&url.Error{Op: "parse", URL: "x", Err: errors.New("bad")}, "url: bad", false},
		{wrap(errors.New("strange")), "network: strange", true},
		{errors.New(strings.Repeat("x\xff", 500)), "network: " + strings.Repeat("x?", 60) + "…", true},
	} {
		reason, passing := fetch.Reason(c.err)
		require.Equal(t, c.reason, reason)
		require.Equal(t, c.passing, passing, c.reason)
	}
}

func TestVisitor_RefusesCertificatesItDoesNotKnow(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	client := fetch.NewClient(fetch.Options{Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	defer client.Close()
	_, err := client.NewVisitor(nil).Get(t.Context(), fetch.Request{URL: s.URL, Timeout: time.Minute, MaxBody: 1})
	reason, passing := fetch.Reason(err)
	require.Contains(t, reason, "tls: ")
	require.False(t, passing)
}

func TestVisitor_HugeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 600 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
		}
	}))
	defer s.Close()
	client := fetch.NewClient(fetch.Options{Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	defer client.Close()
	_, err := client.NewVisitor(nil).Get(t.Context(), fetch.Request{URL: s.URL, Timeout: time.Minute, MaxBody: 1})
	require.ErrorContains(t, err, "header")
}

func TestVisitor_IsReusedAfterAFailure(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		_, _ = w.Write([]byte("hello"))
	}))
	defer s.Close()
	client := fetch.NewClient(fetch.Options{
		UserAgent: "x", Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	defer client.Close()
	v := client.NewVisitor(nil)
	_, err := v.Get(t.Context(), fetch.Request{URL: s.URL + "/slow", Timeout: 50 * time.Millisecond, MaxBody: 100})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for range 2 {
		r, err := v.Get(t.Context(), fetch.Request{URL: s.URL + "/", Timeout: time.Minute, MaxBody: 100})
		require.NoError(t, err)
		require.Equal(t, "hello", string(r.Body))
		require.Equal(t, 200, r.Status)
	}
}
