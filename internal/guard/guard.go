package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// BlockedError says that a target must not be connected to.
type BlockedError struct {
	Addr netip.AddrPort
	Why  string
}

// Error names the address and what is wrong with it.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s %s", e.Addr.Addr(), e.Why)
}

// Guard decides about each address that is connected to, after the name was
// resolved: so neither a name that points inside, nor another spelling of an
// address, nor a name that changes its mind gets through. It is safe for concurrent use.
type Guard struct {
	allow  []netip.Prefix
	public *ssrf.Guardian
}

// New makes a guard that lets through what is public, and the networks of allow, on
// any port, although they are private.
func New(allow []netip.Prefix) *Guard {
	return &Guard{
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

// Control has the signature of net.Dialer.Control. Its refusal is a *BlockedError.
func (g *Guard) Control(network, address string, conn syscall.RawConn) error {
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
