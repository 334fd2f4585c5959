package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Mismatch says how the address that a crawler is seen to come from differs from what is
// declared: own, which is its own (asked for, or named by its provider; "" for none), and
// those of its place. It is "" where they agree, or nothing is declared. At a place that
// is shared any of the place's addresses will do.
func (o Offering) Mismatch(own, seen string) string {
	var declared []string
	fits := true
	if own != "" && (o.Egress != EgressShared || len(o.Addresses)+len(o.Networks) == 0) {
		declared, fits = append(declared, own), sameAddress(own, seen)
	}
	if len(o.Addresses) > 0 {
		listed := slices.ContainsFunc(o.Addresses, func(a string) bool { return sameAddress(a, seen) })
		if !listed && declared == nil {
			declared = append(declared, few(o.Addresses))
		}
		fits = fits && listed
	}
	if len(o.Networks) > 0 {
		within := slices.ContainsFunc(o.Networks, func(n string) bool { return contains(n, seen) })
		if !within && fits {
			declared = []string{few(o.Networks)}
		}
		fits = fits && within
	}
	open := own == "" && len(o.Addresses)+len(o.Networks) == 0
	if a, err := netip.ParseAddr(seen); err == nil && a.Unmap().Is6() && open && !o.IPv6 {
		return fmt.Sprintf("egress mismatch: declared IPv4 alone, seen from %s", seen)
	}
	if fits {
		return ""
	}
	if seen == "" {
		seen = "nowhere"
	}
	return fmt.Sprintf("egress mismatch: declared %s, seen from %s", strings.Join(declared, " and "), seen)
}

// few writes a list that may be long.
func few(all []string) string {
	const most = 3 // enough to recognise the pool
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

func sameAddress(a, b string) bool {
	x, err := netip.ParseAddr(a)
	y, also := netip.ParseAddr(b)
	if err != nil || also != nil {
		return a == b
	}
	return x.Unmap() == y.Unmap()
}

func contains(network, address string) bool {
	n, err := netip.ParsePrefix(network)
	a, also := netip.ParseAddr(address)
	return err == nil && also == nil && n.Contains(a.Unmap())
}

// HostOf is the host of a URL as tickets and the memory of addresses name it: in lower
// case, with the port where it is not the scheme's; "" for what is no URL.
func HostOf(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if p := u.Port(); u.Scheme == "http" && p == "80" || u.Scheme == "https" && p == "443" {
		host = strings.TrimSuffix(host, ":"+p)
	}
	return host
}

// Refusal says how a page's answer refuses the address that asked for it, "" where it
// does not.
func (p PageResult) Refusal() string {
	switch {
	case p.Outcome == PageBlocked && p.Reason != "":
		return p.Reason
	case p.Outcome == PageBlocked:
		return "a challenge"
	case p.Status == http.StatusForbidden, p.Status == http.StatusTooManyRequests:
		return fmt.Sprintf("status %d", p.Status)
	default:
		return ""
	}
}

// EgressSight is what some pages say of an address at a host.
type EgressSight struct {
	Tenant  TenantID
	GUID    GUID // that fetched them
	Host    string
	Address string
	// Pages were answered, in Took together; Refused of them refuse the address, with a
	// challenge or otherwise, Why says how.
	Pages, Refused, Challenged int
	Took                       time.Duration
	Why                        string
}

// EgressRow is what a tenant's fleet remembers of an address at a host.
type EgressRow struct {
	Tenant  TenantID  `json:"tenant"`
	Host    string    `json:"host"`
	Address string    `json:"address"`
	Used    time.Time `json:"used"` // last
	// Took is how long its pages take, a moving mean; Slow that others are much faster.
	Took Duration `json:"took,omitempty"`
	Slow bool     `json:"slow,omitempty"`
	// Banned is until when it is not offered for the host; Bans how often that happened.
	Banned time.Time `json:"banned,omitzero"`
	Bans   int       `json:"bans,omitempty"`
	Why    string    `json:"why,omitempty"`
}

// EgressDesk keeps what is known of addresses. It is the tenant's own: another tenant
// hears of a ban only where the operator shares them (egress.bans: shared).
type EgressDesk interface {
	// Sighted adds what was seen. An address that a host refuses is banned there for a
	// while that grows with each time. What is said of a tenant that is no more is dropped.
	Sighted(ctx context.Context, all []EgressSight) error
	// Observed compares the address that a serving crawler is seen from with what is
	// declared and with its Hello. One that has changed drains the crawler and cools its
	// place down. An unknown crawler is no error.
	Observed(ctx context.Context, g GUID, seen string) error
}

// EgressReader lists what a tenant's fleet remembers of addresses: those that are banned
// first, then the last used ones. Limit 0 is 100.
type EgressReader interface {
	Egress(ctx context.Context, t TenantID, limit int) ([]EgressRow, error)
}

// Market is what one provider offers.
type Market struct {
	Provider  ProviderKind
	Pins      bool // it can be asked for an address
	Offerings []Offering
	// Silent: it did not answer. What it offered last stands.
	Silent bool
}

// OfferingDesk takes what the providers offer, which may change while the fleet runs.
type OfferingDesk interface {
	// Offered replaces the places of all providers. A place that is no longer offered
	// takes no new crawlers; those that it has go on. It reports whether anything changed.
	Offered(ctx context.Context, all []Market) (bool, error)
}
