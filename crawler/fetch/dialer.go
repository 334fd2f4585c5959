package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
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

const (
	// maxAddresses is how many of a name's addresses are tried: who answers with hundreds
	// of them would have us knock at as many doors.
	maxAddresses = 8
	// nextAddress is how long one address has before the next gets its chance, so that all
	// of them are tried within dialTimeout and a half.
	nextAddress = 2 * time.Second
)

// errIPv6 says that a host has no IPv4 address and the crawler's place declares nothing else.
var errIPv6 = errors.New("ipv6: the crawler's place declares IPv4 alone")

// dialer connects through the guard, from the source address where one is set. It looks a
// name up once and connects to what it was told: a name that changes its mind in between
// changes nothing.
type dialer struct {
	plain    net.Dialer
	loopback *net.Dialer // nil: no source address for loopback targets
	source   netip.Addr
	ipv4     bool // alone: a host that has both families would see another identity
	lookup   func(ctx context.Context, host string) ([]netip.Addr, error)
}

func newDialer(g *guard.Guard, source netip.Addr, sourceFor SourceFor) *dialer {
	d := &dialer{
		source: source, lookup: lookup, plain: net.Dialer{Timeout: dialTimeout, Control: g.Control},
	}
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
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if d.ipv4 {
		addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !a.Is4() })
		if len(addrs) == 0 {
			return nil, errIPv6
		}
	}
	if d.loopback != nil {
		for _, a := range addrs {
			if a.IsLoopback() && a.Is4() == d.source.Is4() {
				return d.loopback.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
			}
		}
	}
	return d.first(ctx, network, addrs[:min(len(addrs), maxAddresses)], port)
}

// first connects to the first address that answers. The error is the first one's: it is
// the address that the name means most.
func (d *dialer) first(
	ctx context.Context, network string, addrs []netip.Addr, port string,
) (net.Conn, error) {
	var failed error
	for i, a := range addrs {
		to := d.plain
		if i < len(addrs)-1 {
			to.Timeout = nextAddress
		}
		conn, err := to.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if failed == nil {
		failed = &net.DNSError{Err: "no address", IsNotFound: true}
	}
	return nil, failed
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
