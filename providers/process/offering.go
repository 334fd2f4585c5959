package process

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// DefaultCapacity is how many crawlers a default place takes: about 30 MB each while
// idle, so that both places together fit a small machine.
const DefaultCapacity = 8

// maxPool is how many addresses a place gets at most: far more than its capacity, so
// that an address rests before it is used again, and few enough to list.
const maxPool = 250

// DefaultLoopback is the network whose halves are the default places' own addresses on
// systems where all of 127.0.0.0/8 is the machine's (Linux).
func DefaultLoopback() netip.Prefix { return netip.MustParsePrefix("127.0.16.0/23") }

// DefaultOfferings are the two places of one machine, with country, price and grain,
// so that failover, sessions and cost are real. They have no addresses yet.
func DefaultOfferings(capacity int) []fleet.Offering {
	return fleet.LocalOfferings(Kind, Account, capacity)
}

// Addressed gives the places their source addresses where they have none. Listed ones
// (the operator's) are shared out in order; without any, the loopback network is, where
// the machine has it. Else every place uses 127.0.0.1. A place that is left with one
// address is EgressShared: it says so.
func Addressed(
	places []fleet.Offering, loopback netip.Prefix, listed []netip.Addr,
) []fleet.Offering {
	out := append([]fleet.Offering(nil), places...)
	n := len(out)
	if len(listed) == 0 {
		listed = hosts(loopback, n)
	}
	for i := range out {
		if len(out[i].Addresses) > 0 {
			continue
		}
		share := listed[i*len(listed)/n : (i+1)*len(listed)/n]
		if len(share) == 0 {
			share = listed[i%len(listed):][:1]
		}
		for _, a := range share[:min(len(share), maxPool)] {
			out[i].Addresses = append(out[i].Addresses, a.String())
		}
		if out[i].Egress != fleet.EgressShared {
			out[i].Egress = egress(out[i].Addresses)
		}
	}
	return out
}

// hosts lists the addresses of a loopback network, those apart that look like a network
// or a broadcast (.0, .255) or are everybody's (127.0.0.1); that one alone, where the
// machine has no others. It stops at what n places can use.
func hosts(network netip.Prefix, n int) []netip.Addr {
	shared := netip.MustParseAddr("127.0.0.1")
	var out []netip.Addr
	for a := network.Masked().Addr(); a.Is4() && network.Contains(a) && len(out) < n*(maxPool+4); a = a.Next() {
		if last := a.As4()[3]; last != 0 && last != 255 && a != shared {
			out = append(out, a)
		}
	}
	if len(out) == 0 || !bindable(out[0].String()) {
		return []netip.Addr{shared}
	}
	return out
}

func egress(addresses []string) fleet.EgressKind {
	if len(addresses) > 1 {
		return fleet.EgressOwn
	}
	return fleet.EgressShared
}

// bindable reports whether this machine has the address.
func bindable(address string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func checkOfferings(offerings []fleet.Offering) error {
	const setting = "process.offerings"
	if err := fleet.CheckOfferings(setting, Kind, offerings); err != nil {
		return err
	}
	for i, o := range offerings {
		field := fmt.Sprintf("%s[%d].addresses", setting, i)
		if len(o.Addresses) == 0 {
			return fleet.Invalid(field, "is empty", "the source addresses to use")
		}
		for _, a := range o.Addresses {
			if _, err := netip.ParseAddr(a); err != nil {
				return fleet.Invalid(field, fmt.Sprintf("%q is not an address", a),
					"IPv4 or IPv6 addresses of this machine")
			}
		}
	}
	return nil
}

// sourceFor says for which targets a source address can be used: from a loopback
// address every connect that leaves the machine fails (EINVAL).
func sourceFor(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.IsLoopback() {
		return "loopback"
	}
	return "any"
}
