package fetch

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// named is a dialer for which every name has these addresses.
func named(g *guard.Guard, addrs ...string) (*dialer, *int) {
	asked := 0
	d := newDialer(g, netip.Addr{}, "")
	d.lookup = func(context.Context, string) ([]netip.Addr, error) {
		asked++
		var list []netip.Addr
		for _, a := range addrs {
			list = append(list, netip.MustParseAddr(a))
		}
		return list, nil
	}
	return d, &asked
}

func TestDialer_WhatANameMeansIsCheckedAndUsed(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{
		"127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "100.64.0.1", "::1", "fd00:ec2::254", "::ffff:127.0.0.1", "0.0.0.0",
	} {
		d, asked := named(guard.New(guard.Reach{}), addr, addr)
		_, err := d.DialContext(t.Context(), "tcp", "rebind.example:80")
		var blocked *guard.BlockedError
		require.ErrorAs(t, err, &blocked, addr)
		require.Equal(t, 1, *asked, "it is not asked a second time, when it may say something else")
	}
}

func TestDialer_TriesAFewAddressesOnly(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.NotFoundHandler())
	defer site.Close()
	_, port, err := net.SplitHostPort(site.Listener.Addr().String())
	require.NoError(t, err)
	many := strings.Split(strings.Repeat("10.0.0.1,", 200)+"127.0.0.1", ",")
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	d, _ := named(guard.New(guard.Reach{AllowPrivate: allow}), many...)
	_, err = d.DialContext(t.Context(), "tcp", "many.example:"+port)
	require.ErrorContains(t, err, "10.0.0.1")
	d, _ = named(guard.New(guard.Reach{AllowPrivate: allow}), "10.0.0.1", "127.0.0.1")
	conn, err := d.DialContext(t.Context(), "tcp", "two.example:"+port)
	require.NoError(t, err, "the second is good")
	require.NoError(t, conn.Close())
}

// The operator's ports are besides those of the web, and for public addresses.
func TestDialer_PortsAreTheWebsAndTheOperators(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Reach{AllowPorts: []int{9000}})
	for at, why := range map[string]string{
		"8.8.8.8:80": "", "8.8.8.8:8443": "", "8.8.8.8:9000": "",
		"8.8.8.8:9001": "is asked for on port 9001", "8.8.8.8:25": "is asked for on port 25",
		"127.0.0.1:9000": "is a private address",
	} {
		err := g.Check(netip.MustParseAddrPort(at))
		if why == "" {
			require.NoError(t, err, at)
		} else {
			require.ErrorContains(t, err, why, at)
		}
	}
}

func TestDialer_TheFleetsOwnNetworksAreOutOfReach(t *testing.T) {
	t.Parallel()
	own := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("127.0.0.9/32")}
	for _, addr := range []string{"203.0.113.7", "127.0.0.9"} {
		d, _ := named(guard.New(guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Deny: own}), addr)
		_, err := d.DialContext(t.Context(), "tcp", "own.example:80")
		require.ErrorContains(t, err, "fleet's own")
	}
}

// A proxy of the environment, and Colly's own variables, would undo what is checked here.
func TestClient_TakesNothingFromTheEnvironment(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("COLLY_USER_AGENT", "other")
	t.Setenv("COLLY_MAX_BODY_SIZE", "1")
	t.Setenv("COLLY_ALLOWED_DOMAINS", "other.example")
	var agent string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		_, _ = w.Write([]byte("hello"))
	}))
	defer site.Close()
	c := NewClient(Options{UserAgent: "ours", Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	defer c.Close()
	resp, err := c.NewVisitor(nil).Get(t.Context(), Request{URL: site.URL + "/", Timeout: time.Minute, MaxBody: 100})
	require.NoError(t, err)
	require.Equal(t, "hello", string(resp.Body))
	require.Equal(t, "ours", agent)
}
