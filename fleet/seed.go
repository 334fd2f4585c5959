package fleet

import (
	"slices"
	"strings"
)

// ScopeHosts are the hosts that are crawled: Scope.Hosts or, where the scope names neither
// hosts nor domains nor prefixes, SeedHosts of the ticket's URLs.
func (in TicketInput) ScopeHosts() []string {
	if s := in.Scope; len(s.Hosts)+len(s.Domains)+len(s.Prefixes) > 0 {
		return s.Hosts
	}
	return SeedHosts(in.URLs)
}

// SeedHosts are the hosts of URLs as HostOf names them, each once. Behind all of them comes
// each with its www. taken away or put before it, because sites lead from the one to the
// other; an address and a name of one label have no other.
func SeedHosts(urls []string) []string {
	var out []string
	add := func(host string) {
		if host != "" && !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	for _, u := range urls {
		add(HostOf(u))
	}
	for _, host := range slices.Clone(out) {
		add(otherWWW(host))
	}
	return out
}

// otherWWW is a host with www. where it has none and without where it has it, "" where that
// would be no name of a site.
func otherWWW(host string) string {
	bare, has := strings.CutPrefix(host, "www.")
	name, _, _ := strings.Cut(bare, ":") // an address of version 6 has no dot before its colon
	name = strings.TrimSuffix(name, ".")
	last := strings.LastIndexByte(name, '.') + 1
	if last == 0 || last < len(name) && name[last] >= '0' && name[last] <= '9' {
		return "" // what ends in a number is an address (WHATWG URL, "ends in a number")
	}
	if has {
		return bare
	}
	return "www." + host
}
