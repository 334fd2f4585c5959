package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Egress is what is known of addresses at the hosts of one ticket. The zero value knows
// nothing. Its maps are not changed.
type Egress struct {
	Banned map[string]Ban    // by address; one that has passed bans nobody
	Used   map[string]string // addresses that the tenant has used, at which host; read with FreshAddress
	Slow   map[string]bool   // others are much faster there
}

// Ban keeps an address from being offered for a host.
type Ban struct {
	Host  string
	Until time.Time
	Why   string
}

// bar is why a ticket does not go to an address; until is set where that passes.
type bar struct {
	why   string
	until time.Time
}

// barred says why the ticket must not use an address. An address that is not known yet
// is none that was asked for, or is known to be unused.
func (v *view) barred(d Demand, address string) bar {
	wanted := d.Place.Address
	switch ban, banned := d.Egress.Banned[address]; {
	case wanted != "" && address == "":
		return bar{why: "its address is not known yet"}
	case wanted != "" && address != wanted:
		return bar{why: fmt.Sprintf("its address is %s, not %s", address, wanted)}
	case d.Place.FreshAddress && address == "":
		return bar{why: "its address is not known yet"}
	case d.Place.FreshAddress && v.used(d, address) != "":
		return bar{why: fmt.Sprintf("its address %s has been used at %s", address, v.used(d, address))}
	case banned:
		return bar{until: ban.Until, why: fmt.Sprintf("its address %s is banned at %s until %s (%s)",
			address, ban.Host, ban.Until.UTC().Format("15:04:05"), ban.Why)}
	default:
		return bar{}
	}
}

// used gives the host of the ticket at which its tenant has used an address, by what is
// remembered or by this decision; "" where it has not. What the ticket itself had before
// it may have again.
func (v *view) used(d Demand, address string) string {
	if host := d.Egress.Used[address]; host != "" && address != d.Mine {
		return host
	}
	for _, host := range d.Hosts {
		if v.using[use{host, address}] {
			return host
		}
	}
	return ""
}

// use is an address at a host.
type use struct{ host, address string }

// uses notes that this decision sends a ticket to its hosts from an address.
func (v *view) uses(d Demand, address string) {
	if address == "" || len(d.Hosts) == 0 {
		return
	}
	if v.using == nil {
		v.using = make(map[use]bool)
	}
	for _, host := range d.Hosts {
		v.using[use{host, address}] = true
	}
}

// choosy reports whether not every address will do.
func (d Demand) choosy() bool {
	return d.Place.Address != "" || d.Place.FreshAddress || len(d.Egress.Banned) > 0
}

// choice is the address to start a crawler with at a place, or why there is none.
type choice struct {
	address string // to ask for; "" for any
	bar
}

func (c choice) because(d Demand) string {
	switch {
	case c.address == "":
		return ""
	case d.Place.Address != "":
		return ", with the address that the ticket asks for"
	case d.Place.FreshAddress:
		return fmt.Sprintf(", with %s, which was not used there before", c.address)
	default:
		return fmt.Sprintf(", with %s, which is not banned there", c.address)
	}
}

// pick chooses the address for a crawler of a ticket at the place: one that is free, not
// banned at its hosts, and not used there where that is asked for. A slow one comes last.
func (v *view) pick(p *place, d Demand) choice {
	if !d.choosy() {
		return choice{}
	}
	if p.Egress == fleet.EgressShared || !p.Pins {
		return v.given(p, d)
	}
	all := p.Addresses
	if len(all) == 0 && d.Place.Address == "" && !d.Place.FreshAddress {
		return choice{} // a new crawler has an address that nobody can know
	}
	var found, slow string
	var passed bar
	for _, a := range all {
		b := v.barred(d, a)
		if b.why == "" && slices.Contains(p.InUse, a) {
			b.why = fmt.Sprintf("another crawler has %s", a)
		}
		switch {
		case b.why != "" && sooner(b, passed):
			passed = b
		case b.why != "":
		case d.Egress.Slow[a] && slow == "":
			slow = a
		case !d.Egress.Slow[a] && found == "":
			found = a
		}
	}
	switch {
	case found != "":
		return choice{address: found}
	case slow != "":
		return choice{address: slow}
	case len(all) == 0:
		return choice{bar: bar{why: "it does not list its addresses"}}
	default:
		return choice{bar: bar{why: fmt.Sprintf("none of its %d addresses will do: %s", len(all), passed.why), until: passed.until}}
	}
}

// sooner reports whether a says more than b of why no address will do: what passes
// first.
func sooner(a, b bar) bool {
	if b.why == "" || a.until.IsZero() != b.until.IsZero() {
		return b.why == "" || !a.until.IsZero()
	}
	return a.until.Before(b.until)
}

// given is pick for a place that cannot be asked for an address: its crawlers have one of
// those that it lists.
func (v *view) given(p *place, d Demand) choice {
	switch {
	case len(p.Addresses) == 0 && d.Place.Address == "" && !d.Place.FreshAddress:
		return choice{} // nobody can know
	case len(p.Addresses) == 0, d.Place.Address != "" && !slices.Equal(p.Addresses, []string{d.Place.Address}),
		d.Place.FreshAddress && len(p.Addresses) > 1 && v.anyBarred(p, d):
		return choice{bar: bar{why: "it cannot be asked for an address"}}
	}
	var passed bar
	for _, a := range p.Addresses {
		b := v.barred(d, a)
		if b.why == "" {
			return choice{}
		}
		if sooner(b, passed) {
			passed = b
		}
	}
	return choice{bar: passed}
}

func (v *view) anyBarred(p *place, d Demand) bool {
	return slices.ContainsFunc(p.Addresses, func(a string) bool { return v.barred(d, a).why != "" })
}

// never says why no crawler, there or to come, will ever have an address that the ticket
// asks for; "" where one may.
func (v *view) never(d Demand) string {
	if d.Place.Address == "" && !d.Place.FreshAddress {
		return ""
	}
	known := d
	known.Egress.Banned = nil // bans pass
	for _, h := range v.hosts {
		if h.State.Live() && v.fits(h, d.Place) && v.barred(known, h.Address).why == "" {
			return ""
		}
	}
	var why []string
	for _, p := range v.places {
		if !Fits(p.Offering, d.Place) {
			continue
		}
		free := *p
		free.InUse = nil // so does use
		c := v.pick(&free, known)
		if c.why == "" {
			return ""
		}
		why = append(why, fmt.Sprintf("%s: %s", p.ID, c.why))
	}
	if d.Place.Address != "" {
		return fmt.Sprintf("no place has the address %s (%s)", d.Place.Address, strings.Join(why, "; "))
	}
	return fmt.Sprintf("no place has an address that is known to be unused at the ticket's hosts (%s)",
		strings.Join(why, "; "))
}

func noAddress(d Demand, why string) *fleet.Error {
	field, want := "place.address", "an address that a place lists (crawlfleet fleet offerings -o json)"
	if d.Place.FreshAddress {
		field, want = "place.freshAddress", "another host, or no such wish"
	}
	return fleet.Invalid(field, why, want)
}
