package fleet

import (
	"fmt"
	"strings"
	"time"
)

// Grain is how a place bills time.
type Grain string

// The billing grains.
const (
	GrainSecond Grain = "second" // per second
	GrainMinute Grain = "minute" // per second, a minute at least
	GrainHour   Grain = "hour"   // every started hour
)

// Billing says it in words; "" for a grain that is not known.
func (g Grain) Billing() string {
	switch g {
	case GrainSecond:
		return "per-second billing"
	case GrainMinute:
		return "per-second billing of a minute at least"
	case GrainHour:
		return "billing by the started hour"
	default:
		return ""
	}
}

// Billed gives the time that is billed for a life of d.
func (g Grain) Billed(d time.Duration) time.Duration {
	switch g {
	case GrainMinute:
		return max(ceil(d, time.Second), time.Minute)
	case GrainHour:
		return max(ceil(d, time.Hour), time.Hour)
	default:
		return ceil(d, time.Second)
	}
}

func ceil(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }

// EgressKind says what a place's egress address is.
type EgressKind string

// The egress kinds.
const (
	EgressOwn    EgressKind = "own"    // each crawler has its own address
	EgressShared EgressKind = "shared" // the crawlers of the place share one
)

// Offering is a place where a crawler can run.
type Offering struct {
	ID        OfferingID   `json:"id"`
	Provider  ProviderKind `json:"provider"`
	Account   Account      `json:"account"`
	Region    string       `json:"region"`
	Country   string       `json:"country"` // ISO 3166-1 alpha-2
	Price     Money        `json:"price"`   // for an hour of one crawler
	Grain     Grain        `json:"grain"`
	Egress    EgressKind   `json:"egress"`
	Addresses []string     `json:"addresses,omitempty"` // where they can be asked for one by one
	// Networks (CIDR) are where its crawlers must be seen to come from; empty for anywhere.
	Networks []string `json:"networks,omitempty"`
	// IPv6: its crawlers use IPv6 too. Without it they use IPv4 alone: a second family
	// would be a second identity.
	IPv6     bool `json:"ipv6,omitempty"`
	Capacity int  `json:"capacity"` // crawlers at one time, 0 for unknown
	// IdleAfter is the idle time that suits the grain.
	IdleAfter Duration `json:"idleAfter"`
}

// CheckOfferings names the first of a provider's places, as a setting lists them, whose id
// is not the provider's or is there twice. Their addresses are for the provider to check.
func CheckOfferings(setting string, kind ProviderKind, all []Offering) error {
	seen := make(map[OfferingID]bool)
	for i, o := range all {
		field := fmt.Sprintf("%s[%d].id", setting, i)
		if !strings.HasPrefix(string(o.ID), string(kind)+"/") {
			return Invalid(field, fmt.Sprintf("%q is not one of this provider", o.ID), string(kind)+"/<place>")
		}
		if seen[o.ID] {
			return Invalid(field, fmt.Sprintf("%q is there twice", o.ID), "distinct ids")
		}
		seen[o.ID] = true
	}
	return nil
}

// LocalOfferings are the two places of a substrate on one machine, with country, price and
// grain, so that failover, sessions and cost are real. They have no addresses yet.
func LocalOfferings(kind ProviderKind, account Account, capacity int) []Offering {
	place := func(name, country string, micros int64, grain Grain, idle time.Duration) Offering {
		return Offering{
			ID: OfferingID(string(kind) + "/local-" + name), Provider: kind, Account: account,
			Region: "local-" + name, Country: country,
			Price: Money{Micros: micros, Currency: "EUR"}, Grain: grain,
			Capacity: capacity, IdleAfter: Duration(idle),
		}
	}
	return []Offering{
		place("a", "DE", 36_000, GrainSecond, 30*time.Second),
		// Dearer by a sixth and with a minimum minute, so that the planner has a reason
		// to choose, and a longer idle time, because the started minute is paid anyway.
		place("b", "NL", 42_000, GrainMinute, time.Minute),
	}
}
