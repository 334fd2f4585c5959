package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// checkGateway: it may listen off the loopback, because it speaks TLS and asks who is there.
func (c Config) checkGateway() error {
	g := c.Gateway
	if g.Listen != "" {
		host, port, err := net.SplitHostPort(g.Listen)
		if err != nil || port == "0" || port == "" {
			return fleet.Invalid("gateway.listen", fmt.Sprintf("%q is not an address", g.Listen),
				"host:port, with a port that crawlers can be told")
		}
		if a, err := netip.ParseAddr(host); g.URL == "" && (host == "" || err == nil && a.IsUnspecified()) {
			return fleet.Invalid("gateway.url", "is missing: gateway.listen is every address of this machine",
				"the one that crawlers reach it at, https://host:port")
		}
	}
	if (g.Cert == "") != (g.Key == "") {
		return fleet.Invalid("gateway.cert", "goes with gateway.key", "both, or none")
	}
	if g.All && !g.On() {
		return fleet.Invalid("gateway.all", "wants a gateway", "gateway.listen, or gateway.url")
	}
	if g.Rate < 1 || g.Rate > 1_000_000 {
		return fleet.Invalid("gateway.rate", fmt.Sprintf("%d is out of range", g.Rate), "1 to 1000000")
	}
	if err := checkURL("gateway.url", g.URL, "https"); err != nil {
		return err
	}
	return checkURL("gateway.dataPlane", g.DataPlane, "http", "https")
}

// checkURL wants the address of a host, and nothing besides.
func checkURL(path, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && strings.Trim(u.Path, "/") == "" &&
		u.RawQuery == "" && u.Fragment == "" {
		return oneOf(path, u.Scheme, schemes...)
	}
	return fleet.Invalid(path, fmt.Sprintf("%q is not the address of a host", value), schemes[0]+"://host:port")
}
