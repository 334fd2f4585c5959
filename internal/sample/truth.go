package sample

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Scope is the part of a site that a crawl is allowed.
type Scope struct {
	// Seeds are the URLs that the crawl starts from. Without any it is the home page of the shop.
	Seeds []string
	// Hosts are the allowed ones, as Site.Hosts gives them. Without any, both of the site's. Links
	// to others are OutOfScope.
	Hosts []string
	// IgnoreRobots is a crawl that does not ask robots.txt.
	IgnoreRobots bool
	// Agent is the product token whose group of robots.txt is obeyed. Empty is the site's own.
	Agent string
	// MaxDepth is how many links lie between a seed and the deepest page, at most; 0 is the seeds
	// alone, nil is no limit. A redirect is not a link: its target is as deep as itself.
	MaxDepth *int
}

// Truth is what a crawl has to come to, in canonical URLs (FileTruth: paths), each list sorted and
// without repetition. The lists are disjoint.
type Truth struct {
	// Pages are HTML and answered with 200, in the end.
	Pages []string
	// Files are answered with 200 and are not HTML.
	Files []string
	// Redirects are answered with 3xx, by what they point to.
	Redirects map[string]string
	// Broken are answered with 4xx, or are links to a file that is not there.
	Broken []string
	// Blocked are linked, within scope, and forbidden by robots.txt: never requested.
	Blocked []string
	// OutOfScope are linked (http and https only) and on a host that is not allowed: never requested.
	OutOfScope []string
	// Orphans are pages that exist and that nothing reached leads to. Only FileTruth knows them.
	Orphans []string
}

// Requested returns all that has to be requested, sorted.
func (t Truth) Requested() []string {
	all := slices.Concat(t.Pages, t.Files, t.Broken, slices.Collect(maps.Keys(t.Redirects)))
	slices.Sort(all)
	return all
}

// Truth walks the site's own definitions, breadth first, as far as the scope goes. A scope without
// a limit of depth that leads into a trap has no truth, which is an error.
func (s *Site) Truth(scope Scope) (Truth, error) {
	if s.origins == nil {
		return Truth{}, errors.New("truth of sample site: it has no URLs before Start")
	}
	w := walk{site: s, scope: scope, found: map[place]verdict{}, redirects: map[string]string{}}
	if w.scope.Agent == "" {
		w.scope.Agent = s.options.Agent
	}
	level := []place{{shop, "/"}}
	if len(scope.Seeds) > 0 {
		level = nil
		for _, seed := range scope.Seeds {
			level = append(level, s.placeOf(seed))
		}
	}
	for depth := 0; len(level) > 0; depth++ {
		var err error
		if level, err = w.level(depth, level); err != nil {
			return Truth{}, fmt.Errorf("truth of sample site: %w", err)
		}
	}
	return w.truth(), nil
}

// verdict is which list of a truth a URL is in.
type verdict int

const (
	isPage verdict = iota + 1
	isFile
	isRedirect
	isBroken
	isBlocked
	isOutOfScope
	isNoWebPage // such as mailto: it is in no list
)

// walk is one breadth-first search.
type walk struct {
	site      *Site
	scope     Scope
	found     map[place]verdict
	redirects map[string]string
}

// level visits the places of one depth, which grow by the targets of redirects, and returns the
// places of the next.
func (w *walk) level(depth int, places []place) ([]place, error) {
	var next []place
	for i := 0; i < len(places); i++ {
		at := places[i]
		if _, seen := w.found[at]; seen {
			continue
		}
		p, v := w.judge(at)
		w.found[at] = v
		switch {
		case v == isRedirect:
			w.redirects[w.site.url(at)] = w.site.url(p.to)
			places = append(places, p.to)
		case v != isPage: // nothing leads on from here
		case w.scope.MaxDepth == nil && p.bottomless:
			return nil, fmt.Errorf("%s is without a bottom: the scope needs a MaxDepth", at.path)
		case w.scope.MaxDepth == nil || depth < *w.scope.MaxDepth:
			next = append(next, p.links...)
		}
	}
	return next, nil
}

func (w *walk) judge(at place) (*page, verdict) {
	switch {
	case at.host == elsewhere && !isWeb(at.path):
		return nil, isNoWebPage
	case at.host == elsewhere || !w.allows(at.host):
		return nil, isOutOfScope
	case !w.scope.IgnoreRobots && w.site.robots[at.host].blocks(w.scope.Agent, at.path):
		return nil, isBlocked
	}
	p, ok := w.site.find(at)
	if !ok {
		return nil, isBroken
	}
	switch p.kind {
	case document:
		return p, isPage
	case file:
		return p, isFile
	case redirect:
		return p, isRedirect
	case missing:
		return p, isBroken
	}
	panic(fmt.Sprintf("page %s of no kind", at.path)) // impossible: pages are made in this package
}

func (w *walk) allows(host int) bool {
	authority := w.site.Hosts()[host]
	return len(w.scope.Hosts) == 0 || slices.ContainsFunc(w.scope.Hosts, func(allowed string) bool {
		return strings.EqualFold(allowed, authority)
	})
}

func (w *walk) truth() Truth {
	lists := map[verdict][]string{}
	for at, v := range w.found {
		lists[v] = append(lists[v], w.site.url(at))
	}
	for _, list := range lists {
		slices.Sort(list)
	}
	return Truth{
		Pages: lists[isPage], Files: lists[isFile], Redirects: w.redirects,
		Broken: lists[isBroken], Blocked: lists[isBlocked], OutOfScope: lists[isOutOfScope],
	}
}

// placeOf finds the place that a URL means, in any spelling that net/url can read.
func (s *Site) placeOf(raw string) place {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return place{elsewhere, raw}
	}
	for host, origin := range s.origins {
		if u.Scheme == "http" && "http://"+authority(u.Host) == origin {
			return place{host, canonicalPath(u)}
		}
	}
	return place{elsewhere, raw}
}

func isWeb(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
