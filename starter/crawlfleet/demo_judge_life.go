package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// judgeTenant wants a ready account whose proof crawler came to serve.
func judgeTenant(row fleet.TenantStatus, crawlers []fleet.CrawlerRow) []finding {
	var out []finding
	if row.State != fleet.TenantReady {
		out = append(out, finding{"the tenant's row: ready", string(row.State)})
	}
	if !slices.ContainsFunc(crawlers, func(c fleet.CrawlerRow) bool {
		return c.Proof && !c.Times.Serving.IsZero()
	}) {
		out = append(out, finding{
			"a crawler launched to its Hello as proof", fmt.Sprintf("%d crawlers, none of them", len(crawlers)),
		})
	}
	return out
}

// judgeProcesses wants so many crawlers in the process table.
func judgeProcesses(when string, want int, saw []machineProcess) []finding {
	if len(saw) == want {
		return nil
	}
	pids := make([]string, len(saw))
	for i, p := range saw {
		pids[i] = fmt.Sprintf("%d (%s)", p.PID, p.GUID.Short())
	}
	return []finding{{
		fmt.Sprintf("the process table %s: %d crawlers", when, want), orNone(strings.Join(pids, ", ")),
	}}
}

// judgeGone wants none of the named processes to be alive.
func judgeGone(pids map[string]int, alive func(int) bool) []finding {
	var out []finding
	for _, name := range slices.Sorted(maps.Keys(pids)) {
		if alive(pids[name]) {
			out = append(out, finding{"no process left", fmt.Sprintf("%s, process %d", name, pids[name])})
		}
	}
	return out
}

// judgeVictim wants the killed process out of the process table.
func judgeVictim(victim machineProcess, running []machineProcess) []finding {
	for _, p := range running {
		if p.PID == victim.PID || p.GUID == victim.GUID {
			return []finding{{
				fmt.Sprintf("process %d of crawler %s gone", victim.PID, victim.GUID.Short()), fmt.Sprintf("process %d", p.PID),
			}}
		}
	}
	return nil
}

// judgeResumed wants pages of the killed crawler and of one other: a crawl that really
// was cut, and really went on elsewhere.
func judgeResumed(stored []fleet.PageRow, victim fleet.GUID) []finding {
	count := map[fleet.GUID]int{}
	for _, p := range stored {
		count[p.GUID]++
	}
	if count[victim] == 0 || len(count) != 2 {
		return []finding{{
			"pages of the killed crawler and of one other",
			fmt.Sprintf("%d of the killed one, %d crawlers", count[victim], len(count)),
		}}
	}
	return nil
}

// judgeVisit wants some pages and no more than allowed, none twice, counters that add up.
func judgeVisit(row fleet.TicketRow, stored []fleet.PageRow) []finding {
	if row.Result == nil || !row.Result.Outcome.Good() {
		return judgeEnd(row)
	}
	seen := map[string]bool{}
	fetched, elsewhere := 0, ""
	var out []finding
	for _, p := range stored {
		if seen[p.URL] {
			out = append(out, finding{"each page stored once", p.URL + " twice"})
		}
		seen[p.URL] = true
		if p.Outcome == fleet.PageFetched {
			fetched++
		}
		for _, l := range p.Links { // a redirect's target
			elsewhere = l.URL
		}
	}
	if fetched == 0 {
		saw := "none"
		if elsewhere != "" {
			saw = "a redirect to " + elsewhere + ", which is another host: try --url " + elsewhere
		} else if len(stored) > 0 {
			saw = fmt.Sprintf("%s: %s %s", stored[0].URL, stored[0].Outcome, stored[0].Reason)
		}
		out = append(out, finding{"pages of the site", saw})
	}
	if fetched > visitPages {
		out = append(out, finding{fmt.Sprintf("%d pages at most", visitPages), fmt.Sprint(fetched)})
	}
	if !row.Result.Counters.Balanced() {
		out = append(out, finding{"counters that add up", counters(row.Result.Counters)})
	}
	return out
}

// judgePace wants no two requests to a host closer than the delay; clocks are read a
// moment before a request leaves, so a twentieth is let pass.
func judgePace(stored []fleet.PageRow, delay time.Duration) []finding {
	byHost := map[string][]time.Time{}
	for _, p := range stored {
		if u, err := url.Parse(p.URL); err == nil && p.Status != 0 { // only what was asked for
			byHost[u.Host] = append(byHost[u.Host], p.FetchedAt)
		}
	}
	for host, asked := range byHost {
		slices.SortFunc(asked, time.Time.Compare)
		for i := 1; i < len(asked); i++ {
			if gap := asked[i].Sub(asked[i-1]); gap < delay-delay/20 {
				return []finding{{fmt.Sprintf("%s between two requests to %s", delay, host), span(gap)}}
			}
		}
	}
	return nil
}
