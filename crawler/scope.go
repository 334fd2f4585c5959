package crawler

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// scope says which discovered links belong to a ticket. Seeds do, whatever it says.
type scope struct {
	hosts            map[string]bool
	sites            int      // hosts, with and without www. as one
	domains          []string // host names
	prefixes         []string // of keys
	ports            []string // empty for all
	include, exclude []*regexp.Regexp
}

func newScope(in fleet.TicketInput) (*scope, error) {
	s, sc, sites := in.Scope, &scope{hosts: map[string]bool{}}, map[string]bool{}
	for _, p := range in.Fetch.Ports {
		sc.ports = append(sc.ports, strconv.Itoa(p))
	}
	for i, h := range in.ScopeHosts() {
		// Read as part of a URL, so that names and addresses have one spelling.
		for _, scheme := range []string{"http://", "https://"} {
			u, err := urlkey.Parse(scheme + h)
			if err != nil {
				field := fmt.Sprintf("scope.hosts[%d]", i)
				return nil, fleet.Invalid(field, err.Error(), "a host")
			}
			sc.hosts[u.Host] = true
			sites[strings.TrimPrefix(u.Host, "www.")] = true
		}
	}
	sc.sites = len(sites)
	for i, d := range s.Domains {
		u, err := urlkey.Parse("http://" + d)
		if err != nil {
			return nil, fleet.Invalid(fmt.Sprintf("scope.domains[%d]", i), err.Error(), "a domain name")
		}
		sc.domains = append(sc.domains, u.Hostname())
	}
	for i, p := range s.Prefixes {
		u, err := urlkey.Parse(p)
		if err != nil {
			return nil, fleet.Invalid(fmt.Sprintf("scope.prefixes[%d]", i), err.Error(),
				"the beginning of an http or https URL")
		}
		sc.prefixes = append(sc.prefixes, u.Key)
	}
	var err error
	if sc.include, err = patterns("scope.include", s.Include); err != nil {
		return nil, err
	}
	sc.exclude, err = patterns("scope.exclude", s.Exclude)
	return sc, err
}

func patterns(field string, list []string) ([]*regexp.Regexp, error) {
	var compiled []*regexp.Regexp
	for i, p := range list {
		re, err := regexp.Compile(p)
		if err != nil {
			field = fmt.Sprintf("%s[%d]", field, i)
			return nil, fleet.Invalid(field, err.Error(), "an RE2 regular expression")
		}
		compiled = append(compiled, re)
	}
	return compiled, nil
}

// contains reports whether a link belongs to the ticket.
func (s *scope) contains(u urlkey.URL) bool {
	return s.reaches(u) && (len(s.include) == 0 || anyMatch(s.include, u.Key)) && !anyMatch(s.exclude, u.Key)
}

// reaches reports whether a URL is on one of the scope's hosts or in one of its parts.
func (s *scope) reaches(u urlkey.URL) bool {
	if !s.asks(u) {
		return false
	}
	if s.hosts[u.Host] {
		return true
	}
	for _, p := range s.prefixes {
		if strings.HasPrefix(u.Key, p) {
			return true
		}
	}
	if len(s.domains) == 0 {
		return false
	}
	name := u.Hostname()
	for _, d := range s.domains {
		if above, ok := strings.CutSuffix(name, d); ok && (above == "" || above[len(above)-1] == '.') {
			return true
		}
	}
	return false
}

// asks reports whether a URL is on a port that the ticket asks.
func (s *scope) asks(u urlkey.URL) bool {
	return len(s.ports) == 0 || slices.Contains(s.ports, u.Port())
}

// many reports whether URLs of several sites belong to the ticket: of a host with www. and
// the same one without it, one leads to the other.
func (s *scope) many() bool { return s.sites+len(s.prefixes) > 1 || len(s.domains) > 0 }

func anyMatch(list []*regexp.Regexp, s string) bool {
	for _, re := range list {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}

// readSeeds reads a list of the ticket's URLs.
func readSeeds(list string, urls []string) ([]urlkey.URL, error) {
	seeds := make([]urlkey.URL, len(urls))
	for i, raw := range urls {
		u, err := urlkey.Parse(strings.TrimSpace(raw))
		if err != nil {
			field := fmt.Sprintf("%s[%d]", list, i)
			return nil, fleet.Invalid(field, err.Error(), "an absolute http or https URL")
		}
		seeds[i] = u
	}
	return seeds, nil
}

// resolveOrNone is where a redirect leads, "" where that is no page.
func resolveOrNone(from, location string) string {
	base, err := urlkey.Parse(from)
	if err != nil || location == "" {
		return ""
	}
	u, err := urlkey.NewBase(base).Resolve(location)
	if err != nil {
		return ""
	}
	return u.URL
}
