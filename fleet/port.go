package fleet

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// WebPorts are the ports of public addresses that crawlers may ask, besides those that the
// operator allows: those of HTTP and its registered alternates. Other ports belong to other
// protocols, which must not hear from a tenant through us.
func WebPorts() []int { return []int{80, 443, 8080, 8443} }

// maxPorts bounds the ports of one ticket: nobody has as many web servers on one host.
const maxPorts = 16

// checkPorts refuses ports that are none, and what the ticket asks for on another one.
func (in TicketInput) checkPorts() error {
	ports := in.Fetch.Ports
	if len(ports) > maxPorts {
		return Invalid("fetch.ports", fmt.Sprintf("has %d entries", len(ports)), fmt.Sprintf("at most %d", maxPorts))
	}
	for i, p := range ports {
		field := fmt.Sprintf("fetch.ports[%d]", i)
		if p < 1 || p > 65535 {
			return Invalid(field, fmt.Sprintf("%d is not a port", p), "1 to 65535")
		}
		if slices.Contains(ports[:i], p) {
			return Invalid(field, fmt.Sprintf("%d is there twice", p), "each port once")
		}
	}
	if len(ports) == 0 {
		return nil
	}
	for _, list := range []struct {
		name string
		urls []string
	}{{"urls", in.URLs}, {"sources.files", in.Sources.Files}, {"scope.prefixes", in.Scope.Prefixes}} {
		for i, s := range list.urls {
			if err := checkPort(fmt.Sprintf("%s[%d]", list.name, i), s, ports); err != nil {
				return err
			}
		}
	}
	for i, h := range in.Scope.Hosts {
		if _, port, err := net.SplitHostPort(h); err != nil || port == "" {
			continue // on the port of either scheme
		}
		if err := checkPort(fmt.Sprintf("scope.hosts[%d]", i), "http://"+h, ports); err != nil {
			return err
		}
	}
	return nil
}

func checkPort(field, s string, ports []int) error {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return nil // what is wrong with it is said elsewhere
	}
	if p, err := strconv.Atoi(portOf(u)); err == nil && slices.Contains(ports, p) {
		return nil
	}
	return Invalid(field, "is on port "+portOf(u)+", which fetch.ports leaves out", portNames(ports))
}

// CheckPorts refuses ports that crawlers may not ask, whatever the ticket wants: it may
// only narrow what the operator allows. In private networks that the operator lets tickets
// name that is any port.
func (in TicketInput) CheckPorts(private []netip.Prefix, allowed []int) error {
	if len(private) > 0 {
		return nil
	}
	ports := append(WebPorts(), allowed...)
	for i, p := range in.Fetch.Ports {
		if !slices.Contains(ports, p) {
			return &Error{
				Code: CodeForbidden, Field: fmt.Sprintf("fetch.ports[%d]", i),
				Message: fmt.Sprintf("crawlers may not ask port %d", p),
				Want:    portNames(ports),
			}
		}
	}
	return nil
}

func portNames(ports []int) string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = strconv.Itoa(p)
	}
	return "port " + strings.Join(names, ", ")
}
