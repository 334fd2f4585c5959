package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	dialTimeout = 5 * time.Second
	keepAlive   = 15 * time.Second // notices a peer that vanished within a minute
	// idleTimeout is shorter than the server's, so that the client is the one to close.
	idleTimeout = 90 * time.Second
	// idleConns is one for each slot of the largest crawler.
	idleConns = 64
)

// newTransport keeps connections open and goes through no proxy, whatever the
// environment says: the way to the data plane is the crawler's own.
func newTransport(source netip.Addr, always bool) *http.Transport {
	free := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	bound := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	if source.IsValid() {
		bound.LocalAddr = &net.TCPAddr{IP: source.AsSlice()}
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if source.IsValid() && (always || loopback(addr)) {
				return bound.DialContext(ctx, network, addr)
			}
			return free.DialContext(ctx, network, addr)
		},
		ForceAttemptHTTP2:   true, // a custom dialer switches it off otherwise
		TLSHandshakeTimeout: 2 * dialTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConns:        idleConns,
		MaxIdleConnsPerHost: idleConns,
		// On loopback packing costs more than it saves.
		DisableCompression: true,
	}
}

// loopback reports whether a host:port is this machine's own, by its name.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// tlsFor checks the gateway by an authority, or by those of the system. Connections of one
// crawler share sessions, so that the second is cheaper than the first.
func tlsFor(ca []byte) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if len(ca) == 0 {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(ca) {
		return nil, fleet.Invalid("gateway", "its authority is no certificate", "PEM").
			WithHint("a crawler is given it in " + fleet.EnvGatewayCA)
	}
	return c, nil
}
