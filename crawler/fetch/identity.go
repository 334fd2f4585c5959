package fetch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// Identity is what the requests of one session have of their own.
type Identity struct {
	UserAgent string      // "" for the client's
	Header    http.Header // besides ours
	Proxy     *url.URL    // nil for none
}

// As gives a client with connections of its own that introduces itself as i says. Close it
// as well.
func (c *Client) As(i Identity) (*Client, error) {
	as := NewClient(c.options)
	if i.UserAgent != "" {
		as.userAgent = i.UserAgent
	}
	as.header = i.Header
	if i.Proxy == nil {
		return as, nil
	}
	switch i.Proxy.Scheme {
	case "http", "https", "socks5":
	default:
		return nil, fmt.Errorf("a proxy of scheme %q is not supported", i.Proxy.Scheme)
	}
	as.transport.Proxy = http.ProxyURL(i.Proxy)
	// The proxy is connected to through the guard as well, though on any port: proxies
	// have none of their own.
	as.transport.DialContext = c.options.dialer(guard.ForProxies(c.options.Reach)).DialContext
	as.chain = &decoder{next: checked{as.transport, guard.New(c.options.Reach)}}
	return as, nil
}

// checked is a transport over a proxy: the guard of the dialer sees the proxy only, so that
// the target is looked up and checked before. What the proxy makes of the name is its own.
type checked struct {
	next  http.RoundTripper
	guard *guard.Guard
}

// RoundTrip implements http.RoundTripper.
func (c checked) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.check(req.Context(), req.URL); err != nil {
		return nil, err
	}
	return c.next.RoundTrip(req)
}

func (c checked) check(ctx context.Context, u *url.URL) error {
	addrs, err := lookup(ctx, u.Hostname())
	if err != nil {
		return err
	}
	for _, a := range addrs {
		at, err := netip.ParseAddrPort(net.JoinHostPort(a.String(), portOf(u)))
		if err == nil {
			err = c.guard.Check(at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
