package crawler

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// scope says which discovered links belong to a ticket. Seeds do, whatever it says.
type scope struct {
	hosts            map[string]bool
	include, exclude []*regexp.Regexp
}

func newScope(s fleet.Scope, seeds []urlkey.URL) (*scope, error) {
	sc := &scope{hosts: map[string]bool{}}
	for i, h := range s.Hosts {
		// Read as part of a URL, so that names and addresses have one spelling.
		for _, scheme := range []string{"http://", "https://"} {
			u, err := urlkey.Parse(scheme + h)
			if err != nil {
				field := fmt.Sprintf("scope.hosts[%d]", i)
				return nil, fleet.Invalid(field, err.Error(), "a host")
			}
			sc.hosts[u.Host] = true
		}
	}
	if len(s.Hosts) == 0 {
		for _, u := range seeds {
			sc.hosts[u.Host] = true
		}
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
	if !s.hosts[u.Host] {
		return false
	}
	return (len(s.include) == 0 || anyMatch(s.include, u.Key)) && !anyMatch(s.exclude, u.Key)
}

func anyMatch(list []*regexp.Regexp, s string) bool {
	for _, re := range list {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}

// readSeeds reads the ticket's URLs.
func readSeeds(urls []string) ([]urlkey.URL, error) {
	seeds := make([]urlkey.URL, len(urls))
	for i, raw := range urls {
		u, err := urlkey.Parse(strings.TrimSpace(raw))
		if err != nil {
			field := fmt.Sprintf("urls[%d]", i)
			return nil, fleet.Invalid(field, err.Error(), "an absolute http or https URL")
		}
		seeds[i] = u
	}
	return seeds, nil
}

func link(u urlkey.URL) fleet.Link { return fleet.Link{URL: u.URL, Key: u.Key} }

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
