package gateway

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Certificates gives the server's certificate at each handshake. It is safe for concurrent
// use, and never answers one that has ended while another can be had.
type Certificates struct {
	current func(now time.Time) (*tls.Certificate, error)

	mu    sync.Mutex
	cert  *tls.Certificate
	until time.Time // when the next one is asked for
}

// Issued are certificates that the fleet's own authority makes for these names.
func Issued(a *Authority, names []string) *Certificates {
	return &Certificates{current: func(now time.Time) (*tls.Certificate, error) { return a.issue(names, now) }}
}

// reread is how often the operator's files are looked at again.
const reread = time.Minute

// FromFiles are the operator's own, PEM. They may be replaced while the gateway runs.
func FromFiles(cert, key string) *Certificates {
	return &Certificates{current: func(time.Time) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fleet.Invalid("gateway.cert", err.Error(), "a certificate with its chain and its key, PEM")
		}
		return &pair, nil
	}}
}

// Get gives the certificate of this moment.
func (c *Certificates) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cert != nil && now.Before(c.until) {
		return c.cert, nil
	}
	next, err := c.current(now)
	switch {
	case err == nil:
		c.cert = next
	case c.cert == nil:
		return nil, err
	}
	// Of an issued one two thirds are used, of a file's a minute at most.
	c.until = now.Add(reread)
	if leaf := c.cert.Leaf; err == nil && leaf != nil && leaf.NotAfter.Sub(leaf.NotBefore) == serverLasts+backdated {
		c.until = now.Add(serverLasts * 2 / 3)
	}
	return c.cert, nil
}

// Names are what a certificate has to be for: the listener's address, every address of
// this machine where it listens on all, and what else the operator says.
func Names(listen string, more ...string) ([]string, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fleet.Invalid("gateway.listen", fmt.Sprintf("%q is not an address", listen), "host:port")
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		own, err := net.InterfaceAddrs()
		if err != nil {
			return nil, fmt.Errorf("list this machine's addresses: %w", err)
		}
		for _, a := range own {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				names = append(names, p.Addr().WithZone("").String())
			}
		}
		if name, err := os.Hostname(); err == nil {
			names = append(names, name)
		}
	} else {
		names = append(names, host)
	}
	names = append(names, more...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" }), nil
}
