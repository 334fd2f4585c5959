package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
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

// BlockedError says that a target must not be connected to.
type BlockedError struct {
	Addr netip.AddrPort
	Why  string
}

// Error names the address and what is wrong with it.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s %s", e.Addr.Addr(), e.Why)
}

// guard decides about each address that is connected to, after the name was
// resolved: so neither a name that points inside, nor another spelling of an
// address, nor a name that changes its mind gets through.
type guard struct {
	allow  []netip.Prefix
	public *ssrf.Guardian
}

func newGuard(allow []netip.Prefix) *guard {
	return &guard{
		allow: allow,
		public: ssrf.New(
			// The ports of HTTP and its registered alternates. Other ports belong to
			// other protocols, which must not hear from a tenant through us.
			ssrf.WithPorts(80, 443, 8080, 8443),
			// Azure's wire server: a public address that only answers inside.
			ssrf.WithDeniedV4Prefixes(netip.PrefixFrom(netip.AddrFrom4([4]byte{168, 63, 129, 16}), 32)),
		),
	}
}

// control has the signature of net.Dialer.Control.
func (g *guard) control(network, address string, conn syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	addr := target.Addr().Unmap()
	if slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	switch err := g.public.Safe(network, address, conn); {
	case err == nil:
		return nil
	case errors.Is(err, ssrf.ErrProhibitedIP), !addr.IsGlobalUnicast(), addr.IsPrivate():
		return &BlockedError{Addr: target, Why: "is a private address"}
	case errors.Is(err, ssrf.ErrProhibitedPort):
		return &BlockedError{Addr: target, Why: fmt.Sprintf("is asked for on port %d", target.Port())}
	default:
		return &BlockedError{Addr: target, Why: "is refused: " + err.Error()}
	}
}

// dialer connects through the guard, from the source address where one is set.
type dialer struct {
	plain    net.Dialer
	loopback *net.Dialer // nil: no source address for loopback targets
	source   netip.Addr
}

func newDialer(g *guard, source netip.Addr, sourceFor SourceFor) *dialer {
	d := &dialer{source: source, plain: net.Dialer{Timeout: dialTimeout, Control: g.control}}
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
