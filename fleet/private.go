package fleet

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// CheckPrivate refuses seeds and a webhook whose host is literally a private, loopback
// or link-local address (or localhost) that is not in allow. Names are checked again
// where they are resolved, by who connects to them.
func (in TicketInput) CheckPrivate(allow []netip.Prefix) error {
	for i, s := range in.URLs {
		if err := checkPrivate(fmt.Sprintf("urls[%d]", i), s, allow); err != nil {
			return err
		}
	}
	return checkPrivate("webhook", in.Webhook, allow)
}

// CheckPrivate refuses webhooks likewise.
func (in TenantInput) CheckPrivate(allow []netip.Prefix) error {
	for i, w := range in.Webhooks {
		if err := checkPrivate(fmt.Sprintf("webhooks[%d].url", i), w.URL, allow); err != nil {
			return err
		}
	}
	return nil
}

func checkPrivate(field, s string, allow []netip.Prefix) error {
	u, err := parseSeed(s)
	if err != nil {
		return nil // what is wrong with it is said elsewhere
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || publicAddr(addr) || slices.ContainsFunc(allow, func(p netip.Prefix) bool {
		return p.Contains(addr.Unmap())
	}) {
		return nil
	}
	return &Error{
		Code: CodeForbidden, Field: field,
		Message: fmt.Sprintf("%s is a private address", net.JoinHostPort(u.Hostname(), portOf(u))),
		Want:    "a public address",
		Hint:    "the operator may allow networks with --allow-private",
	}
}

func publicAddr(a netip.Addr) bool {
	a = a.Unmap()
	for _, special := range []netip.Prefix{ // neither private nor global by name
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	} {
		if special.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
