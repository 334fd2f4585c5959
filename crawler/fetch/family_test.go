package fetch_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
)

// site6 listens on the IPv6 loopback address alone.
func site6(t *testing.T) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err, "this test needs IPv6 on loopback")
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, o fetch.Options, url string) error {
	t.Helper()
	o.Reach.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	c := fetch.NewClient(o)
	t.Cleanup(c.Close)
	_, err := c.NewVisitor(nil).Get(t.Context(), fetch.Request{URL: url, Timeout: 5 * time.Second, MaxBody: 100})
	return err
}

// A host with addresses of both families would see a second identity.
func TestClient_ConnectsOverIPv4UnlessIPv6IsDeclared(t *testing.T) {
	t.Parallel()
	s := site6(t)
	const named = "localhost" // has both, where it has IPv6 at all
	byName := strings.Replace(s.URL, "[::1]", named, 1)

	err := get(t, fetch.Options{}, s.URL)
	require.Error(t, err)
	reason, passing := fetch.Reason(err)
	require.Equal(t, "ipv6: the crawler's place declares IPv4 alone", reason)
	require.False(t, passing)
	require.Error(t, get(t, fetch.Options{}, byName), "it only listens on ::1")

	require.NoError(t, get(t, fetch.Options{IPv6: true}, s.URL))
	require.NoError(t, get(t, fetch.Options{Source: netip.MustParseAddr("::1"), SourceFor: fetch.SourceAny}, s.URL),
		"an IPv6 address that it was given is declared")
}
