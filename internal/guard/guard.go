package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"github.com/crawlfleet/crawlfleet/fleet"
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

// Reach is what the operator says of targets; a tenant never does. The zero value is
// public addresses, on the ports of the web.
type Reach struct {
	// AllowPrivate are the networks that may be reached although they are private, and
	// there on any port.
	AllowPrivate []netip.Prefix
	// AllowPorts are ports of public addresses besides fleet.WebPorts.
	AllowPorts []int
	// Deny are the fleet's own networks, which are never reached, whatever else is said.
	Deny []netip.Prefix
}

// Guard decides about each address that is connected to, after the name was
// resolved: so neither a name that points inside, nor another spelling of an
// address, nor a name that changes its mind gets through. It is safe for concurrent use.
type Guard struct {
	reach  Reach
	public *ssrf.Guardian
}

// New makes a guard that lets through what is public, and what the operator allows.
func New(r Reach) *Guard {
	return &Guard{
		reach: r,
		public: ssrf.New(
			ssrf.WithPorts(r.ports()...),
			// Azure's wire server: a public address that only answers inside.
			ssrf.WithDeniedV4Prefixes(netip.PrefixFrom(netip.AddrFrom4([4]byte{168, 63, 129, 16}), 32)),
		),
	}
}

func (r Reach) ports() (ports []uint16) {
	for _, p := range append(fleet.WebPorts(), r.AllowPorts...) {
		ports = append(ports, uint16(p)) //nolint:gosec // they are ports
	}
	return ports
}

// ForProxies makes a guard that lets through the same networks, on any port.
func ForProxies(r Reach) *Guard {
	return &Guard{
		reach: r,
		public: ssrf.New(ssrf.WithAnyPort(),
			ssrf.WithDeniedV4Prefixes(netip.PrefixFrom(netip.AddrFrom4([4]byte{168, 63, 129, 16}), 32))),
	}
}

// Check says whether an address may be connected to, for who lets another do it. Its
// refusal is a *BlockedError.
func (g *Guard) Check(target netip.AddrPort) error {
	network := "tcp6"
	if target.Addr().Unmap().Is4() {
		network = "tcp4"
	}
	return g.Control(network, netip.AddrPortFrom(target.Addr().Unmap(), target.Port()).String(), nil)
}

// Control has the signature of net.Dialer.Control. Its refusal is a *BlockedError.
func (g *Guard) Control(network, address string, conn syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	addr := target.Addr().Unmap()
	if slices.ContainsFunc(g.reach.Deny, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return &BlockedError{Addr: target, Why: "is one of the fleet's own addresses"}
	}
	if slices.ContainsFunc(g.reach.AllowPrivate, func(p netip.Prefix) bool { return p.Contains(addr) }) {
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
