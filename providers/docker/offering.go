package docker

import (
	"fmt"
	"net/netip"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// DefaultCapacity is how many crawlers a default place takes: with the default limits both
// together use 4 GB at most, and half of one while idle.
const DefaultCapacity = 8

const (
	// maxPool is how many addresses a place gets at most: far more than its capacity, so
	// that an address rests before it is used again, and few enough to list.
	maxPool = 250
	// spared is how many addresses at the beginning of a subnet are nobody's: the
	// machine's own is the first, and containers that ask for none get the next.
	spared = 16
)

// DefaultOfferings are the two places of one engine, with country, price and grain. They
// have no addresses yet.
func DefaultOfferings(capacity int) []fleet.Offering {
	return fleet.LocalOfferings(Kind, Account, capacity)
}

// Addressed gives the places the addresses that their crawlers have in the subnet, where
// they have none: the listed ones shared out in order, else all of the subnet but its
// beginning. Without a subnet there is nothing to ask for: crawlers share the machine's
// address, and the places say so.
func Addressed(places []fleet.Offering, subnet netip.Prefix, listed []netip.Addr) []fleet.Offering {
	out := append([]fleet.Offering(nil), places...)
	if len(listed) == 0 {
		listed = hosts(subnet, len(out))
	}
	for i := range out {
		if !subnet.IsValid() || out[i].Egress == fleet.EgressShared {
			out[i].Egress = fleet.EgressShared
			continue
		}
		out[i].Egress = fleet.EgressOwn
		if len(out[i].Addresses) > 0 {
			continue
		}
		share := listed[i*len(listed)/len(out) : (i+1)*len(listed)/len(out)]
		for _, a := range share[:min(len(share), maxPool)] {
			out[i].Addresses = append(out[i].Addresses, a.String())
		}
	}
	return out
}

// hosts lists the addresses of a subnet that n places can use.
func hosts(subnet netip.Prefix, n int) []netip.Addr {
	var out []netip.Addr
	if !subnet.IsValid() {
		return nil
	}
	a := subnet.Masked().Addr()
	for range spared {
		a = a.Next()
	}
	for ; subnet.Contains(a) && subnet.Contains(a.Next()) && len(out) < n*maxPool; a = a.Next() {
		out = append(out, a)
	}
	return out
}

func checkOfferings(offerings []fleet.Offering, subnet netip.Prefix) error {
	const setting = "docker.offerings"
	if err := fleet.CheckOfferings(setting, Kind, offerings); err != nil {
		return err
	}
	for i, o := range offerings {
		if o.Egress != fleet.EgressOwn {
			continue
		}
		field := fmt.Sprintf("%s[%d].addresses", setting, i)
		if len(o.Addresses) == 0 {
			return fleet.Invalid(field, "is empty", "addresses of docker.subnet")
		}
		for _, text := range o.Addresses {
			a, err := netip.ParseAddr(text)
			if err != nil || !a.Is4() || !subnet.Contains(a) || a == gateway(subnet) {
				return fleet.Invalid(field, fmt.Sprintf("%q is not one of the network's", text),
					"IPv4 addresses of docker.subnet, its first one apart")
			}
		}
	}
	return nil
}
