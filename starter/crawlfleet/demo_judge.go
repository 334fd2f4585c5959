package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// finding is one thing that is not as it has to be: what was expected and what was seen.
type finding struct {
	Want string `json:"want"`
	Saw  string `json:"saw"`
}

// exemplars is how many URLs a finding names: enough to look one up.
const exemplars = 3

// robotsPath is asked for by each crawler anew, which is no page fetched twice.
const robotsPath = "/robots.txt"

// pageKey gives the one spelling of a page's URL, and its title where it is HTML.
type pageKey func(url string) (key, title string)

// keyOf asks the site itself: what is the same page is its matter, not the crawler's.
func keyOf(site *sample.Site) pageKey {
	return func(url string) (string, string) {
		if p, ok := site.Page(url); ok {
			return p.URL, p.Title
		}
		url, _, _ = strings.Cut(url, "#")
		return url, ""
	}
}

// judgePages holds what a ticket stored against what it had to find: each page and file
// once, with the title that the site gave it, and nothing else.
func judgePages(ticket fleet.TicketID, truth sample.Truth, stored []fleet.PageRow, key pageKey) []finding {
	count := map[string]int{}
	var out []finding
	for _, p := range stored {
		if p.Outcome != fleet.PageFetched {
			continue
		}
		k, title := key(p.URL)
		count[k]++
		if title != "" && p.Title != title {
			out = append(out, finding{
				fmt.Sprintf("%s: %s stored with the title %q", ticket, k, title), fmt.Sprintf("%q", p.Title),
			})
		}
	}
	var missing, doubled []string
	for _, k := range slices.Concat(truth.Pages, truth.Files) {
		switch n := count[k]; {
		case n == 0:
			missing = append(missing, k)
		case n > 1:
			doubled = append(doubled, k)
		}
		delete(count, k)
	}
	want := fmt.Sprintf("%s: each of %d pages and %d files stored once", ticket, len(truth.Pages), len(truth.Files))
	for _, l := range []struct {
		urls []string
		what string
	}{
		{missing, "missing"},
		{doubled, "stored more than once"},
		{slices.Sorted(maps.Keys(count)), "stored that are no page of the site"},
	} {
		if len(l.urls) > 0 {
			out = append(out, finding{want, some(l.urls, l.what)})
		}
	}
	return out
}

// some counts URLs and names the first ones.
func some(urls []string, what string) string {
	s := fmt.Sprintf("%d %s: %s", len(urls), what, strings.Join(urls[:min(exemplars, len(urls))], ", "))
	if len(urls) > exemplars {
		s += ", …"
	}
	return s
}

// askedFor counts the requests for each canonical URL, robots.txt apart.
func askedFor(log []sample.Request) map[string]int {
	count := map[string]int{}
	for _, r := range log {
		if r.Path != robotsPath {
			count[r.URL()]++
		}
	}
	return count
}

// judgeManners holds the site's log against what a crawl had to ask for: all that it may,
// nothing that robots.txt forbids or that is nobody's page.
func judgeManners(truth sample.Truth, log []sample.Request) []finding {
	count := askedFor(log)
	var out []finding
	var missing []string
	for _, url := range truth.Requested() {
		if count[url] == 0 {
			missing = append(missing, url)
		}
		delete(count, url)
	}
	if len(missing) > 0 {
		out = append(out, finding{"every reachable URL asked for", some(missing, "never")})
	}
	if len(count) > 0 {
		out = append(out, finding{
			"no request for what robots.txt forbids, for a trap, or out of scope",
			some(slices.Sorted(maps.Keys(count)), "asked for"),
		})
	}
	return out
}

// judgeOnce wants every URL asked for once; patience names those that fail at first.
func judgeOnce(log []sample.Request, patience ...string) []finding {
	if n, urls := refetched(log, patience...); n > 0 {
		return []finding{{"each URL asked for once", some(urls, "asked for again")}}
	}
	return nil
}

// refetched counts the requests beyond the first for each URL. Those of patience, which
// the site lets fail at first, have one more that does not count.
func refetched(log []sample.Request, patience ...string) (int, []string) {
	n := 0
	var urls []string
	for url, asked := range askedFor(log) {
		if slices.Contains(patience, url) {
			asked--
		}
		if asked > 1 {
			n += asked - 1
			urls = append(urls, url)
		}
	}
	slices.Sort(urls)
	return n, urls
}

// judgeRefetched bounds what a kill may cost: what was being fetched, and what was
// fetched and not stored yet.
func judgeRefetched(log []sample.Request, most int, patience ...string) []finding {
	if n, urls := refetched(log, patience...); n > most {
		return []finding{{fmt.Sprintf("at most %d requests repeated", most), some(urls, "asked for again")}}
	}
	return nil
}

// sources are the addresses that the site saw, in order.
func sources(log []sample.Request) []string {
	seen := map[string]bool{}
	for _, r := range log {
		seen[r.Source] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// judgeSources wants requests from exactly these addresses.
func judgeSources(log []sample.Request, want ...string) []finding {
	slices.Sort(want)
	if saw := sources(log); !slices.Equal(saw, want) {
		return []finding{{
			"the site's log: requests from " + strings.Join(want, ", "),
			"from " + orNone(strings.Join(saw, ", ")),
		}}
	}
	return nil
}

// judgeSpread wants requests from n different addresses.
func judgeSpread(log []sample.Request, n int) []finding {
	if saw := sources(log); len(saw) != n {
		return []finding{{
			fmt.Sprintf("the site's log: %d source addresses", n), orNone(strings.Join(saw, ", ")),
		}}
	}
	return nil
}

// judgeMoved wants a crawl to have gone on after a kill, and from another address than
// that of the crawler that was killed.
func judgeMoved(log []sample.Request, killed string, at time.Time) []finding {
	var after []sample.Request
	for _, r := range log {
		// Its last requests may be on their way when the kill comes.
		if r.Source != killed && r.Time.After(at) {
			after = append(after, r)
		}
	}
	if len(after) == 0 {
		return []finding{{"the site's log: requests from another address than " + killed + " after the kill", "none"}}
	}
	return nil
}

// judgeEnd wants a ticket's row to say done, with counters that add up.
func judgeEnd(row fleet.TicketRow) []finding {
	want := fmt.Sprintf("%s ended done", row.Input.ID)
	switch r := row.Result; {
	case r == nil:
		return []finding{{want, string(row.State)}}
	case r.Outcome != fleet.OutcomeDone:
		saw := string(r.Outcome) + " " + r.Reason
		if r.Error != nil {
			saw += ": " + r.Error.Error()
		}
		return []finding{{want, strings.TrimSpace(saw)}}
	case !r.Counters.Balanced():
		return []finding{{fmt.Sprintf("%s: counters that add up", row.Input.ID), counters(r.Counters)}}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
