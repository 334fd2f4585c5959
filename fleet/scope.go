package fleet

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Scope says which discovered links belong to the ticket.
type Scope struct {
	// Hosts are the host names (with port, where not the default one) that are
	// crawled; default those of the seeds, each with and without a leading www., where
	// Domains and Prefixes say nothing else.
	Hosts []string `json:"hosts,omitempty"`
	// Domains are crawled with every host below them: example.com stands for
	// www.example.com too, on any port.
	Domains []string `json:"domains,omitempty"`
	// Prefixes are beginnings of canonical URLs that are crawled, such as
	// https://example.com/docs/.
	Prefixes []string `json:"prefixes,omitempty"`
	// Include and Exclude are regular expressions (RE2) over the whole canonical
	// URL: it has to match one of Include, where given, and none of Exclude.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// MaxDepth is how many links away from a seed is followed, 0 to 1000; nil is 100.
	MaxDepth *int `json:"maxDepth,omitempty"`
	// MaxPages is the most pages stored, exactly; default the plan's.
	MaxPages int64 `json:"maxPages,omitempty"`
	// MaxPerHost is the most URLs of one host that are taken up; default no limit.
	MaxPerHost int64 `json:"maxPerHost,omitempty"`
	// MaxPerPattern is the most URLs of one host that differ in nothing but numbers,
	// identifiers and values of their query; default no limit.
	MaxPerPattern int64 `json:"maxPerPattern,omitempty"`
	// Traps is "cut" (the default: paths that repeat themselves and calendars without
	// an end are not followed) or "follow".
	Traps string `json:"traps,omitempty"`
}

// The values of Scope.Traps.
const (
	TrapsCut    = "cut"
	TrapsFollow = "follow"
)

// Canonical says which spellings of a URL are one page, beyond what is always so. What
// is fetched is the URL as it was found.
type Canonical struct {
	// DropTracking leaves parameters out that only tell where a visitor came from:
	// utm_*, gclid, fbclid and their like.
	DropTracking bool `json:"dropTracking,omitempty"`
	// DropParams are names of further parameters to leave out; a * at the end stands
	// for any ending.
	DropParams []string `json:"dropParams,omitempty"`
	// SortQuery makes the order of parameters count for nothing.
	SortQuery bool `json:"sortQuery,omitempty"`
}

func (in TicketInput) checkScope() error {
	s := in.Scope
	for _, check := range []func() error{s.checkPlaces, s.checkPatterns, s.checkLimits} {
		if err := check(); err != nil {
			return err
		}
	}
	switch s.Traps {
	case "", TrapsCut, TrapsFollow:
		return nil
	default:
		return Invalid("scope.traps", fmt.Sprintf("%q is not known", clip(s.Traps, 40)), `"cut" or "follow"`)
	}
}

func (s Scope) checkPlaces() error {
	for i, h := range s.Hosts {
		if u, err := url.Parse("http://" + h); err != nil || u.Host != h || h == "" {
			return Invalid(fmt.Sprintf("scope.hosts[%d]", i), fmt.Sprintf("%q is not a host", clip(h, 80)),
				"a host name, with :port where it is not the default one")
		}
	}
	for i, d := range s.Domains {
		if u, err := url.Parse("http://" + d); err != nil || u.Hostname() != d || strings.Trim(d, ".") != d || d == "" {
			return Invalid(fmt.Sprintf("scope.domains[%d]", i), fmt.Sprintf("%q is not a domain", clip(d, 80)),
				"a domain name, without a port")
		}
	}
	for i, p := range s.Prefixes {
		if _, err := parseSeed(p); err != nil {
			return Invalid(fmt.Sprintf("scope.prefixes[%d]", i), err.Error(),
				"the beginning of an http or https URL")
		}
	}
	return nil
}

func (s Scope) checkPatterns() error {
	for _, list := range []struct {
		name     string
		patterns []string
	}{{"include", s.Include}, {"exclude", s.Exclude}} {
		for i, p := range list.patterns {
			if _, err := regexp.Compile(p); err != nil {
				return Invalid(fmt.Sprintf("scope.%s[%d]", list.name, i), err.Error(),
					"an RE2 regular expression")
			}
		}
	}
	return nil
}

// mostPages is the most that any limit of pages can be: what a frontier was measured with,
// ten times over.
const mostPages = 10_000_000

func (s Scope) checkLimits() error {
	if s.MaxDepth != nil {
		if err := between("scope.maxDepth", int64(*s.MaxDepth), 0, 1000); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		name  string
		value int64
	}{
		{"scope.maxPages", s.MaxPages},
		{"scope.maxPerHost", s.MaxPerHost},
		{"scope.maxPerPattern", s.MaxPerPattern},
	} {
		if err := between(l.name, l.value, 0, mostPages); err != nil {
			return err
		}
	}
	return nil
}

func (in TicketInput) checkCanonical() error {
	if n := len(in.Canonical.DropParams); n > 100 {
		return Invalid("canonical.dropParams", fmt.Sprintf("has %d entries", n), "at most 100")
	}
	for i, p := range in.Canonical.DropParams {
		if name := strings.TrimSuffix(p, "*"); name == "" || len(p) > 64 || strings.ContainsAny(name, "*&=# ") {
			return Invalid(fmt.Sprintf("canonical.dropParams[%d]", i),
				fmt.Sprintf("%q is not a parameter's name", clip(p, 40)), "a name, or the beginning of one with a * behind")
		}
	}
	return nil
}
