package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// SourceFor says for which targets the source address is bound.
type SourceFor string

const (
	// SourceLoopback binds it for loopback targets only: from an address such as
	// 127.0.0.7 every other connect fails.
	SourceLoopback SourceFor = "loopback"
	// SourceAny binds it for every target.
	SourceAny SourceFor = "any"
)

// dialTimeout is what one connect may take; the page's own timeout is often longer,
// and then another address of the host still gets its chance.
const dialTimeout = 10 * time.Second

// dialer connects through the guard, from the source address where one is set.
type dialer struct {
	plain    net.Dialer
	loopback *net.Dialer // nil: no source address for loopback targets
	source   netip.Addr
}

func newDialer(g *guard.Guard, source netip.Addr, sourceFor SourceFor) *dialer {
	d := &dialer{source: source, plain: net.Dialer{Timeout: dialTimeout, Control: g.Control}}
	if !source.IsValid() {
		return d
	}
	bound := d.plain
	bound.LocalAddr = &net.TCPAddr{IP: source.AsSlice(), Zone: source.Zone()}
	if sourceFor == SourceAny {
		d.plain = bound
	} else {
		d.loopback = &bound
	}
	return d
}

// DialContext connects to a host and port.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.loopback == nil {
		return d.plain.DialContext(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if a.IsLoopback() && a.Is4() == d.source.Is4() {
			return d.loopback.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		}
	}
	return d.plain.DialContext(ctx, network, address)
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}
