package tenantdbtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// ofHost counts the URLs of each host.
func ofHost(work []fleet.FrontierURL) map[string]int {
	n := map[string]int{}
	for _, u := range work {
		host, _, _ := strings.Cut(strings.TrimPrefix(u.URL, "http://"), "/")
		n[host]++
	}
	return n
}

// hostsShare: the URLs of a large host, found first, leave room for those of others.
func hostsShare(t *testing.T, w *world) {
	var seeds []string
	for i := range 500 {
		seeds = append(seeds, fmt.Sprintf("http://large.test/%d", i))
	}
	for i := range 20 {
		seeds = append(seeds, fmt.Sprintf("http://small.test/%d", i))
	}
	seeds = append(seeds, "http://tiny.test/")
	c := w.claim(t, ticket, 1, wide())
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links(seeds...) }, want(41))
	require.Equal(t, map[string]int{"large.test": 20, "small.test": 20, "tiny.test": 1}, ofHost(a.Work))
	perHost := func(n int) func(*fleet.ExchangeRequest) {
		return func(r *fleet.ExchangeRequest) { r.PerHost = n }
	}
	require.Empty(t, c.exchange(t, want(10), perHost(20)).Work)
	require.Equal(t, map[string]int{"large.test": 5}, ofHost(c.exchange(t, want(10), perHost(25)).Work))

	again := w.claim(t, ticket, 2, wide()) // the counts are right after a loss
	require.Equal(t, map[string]int{"large.test": 79, "small.test": 20, "tiny.test": 1},
		ofHost(again.claim.Work))
	var back []fleet.PageResult
	for _, u := range again.claim.Work {
		p := page(u, fleet.PageFailed)
		if strings.Contains(u.URL, "small") {
			p = fleet.PageResult{ID: u.ID, Retry: true, RetryAfter: fleet.Duration(time.Minute)}
		}
		back = append(back, p)
	}
	a = again.exchange(t, with(back...), want(10), perHost(10))
	require.Equal(t, map[string]int{"large.test": 10}, ofHost(a.Work), "those that wait take no place")
	w.advance(time.Minute)
	a = again.exchange(t, want(100), perHost(30))
	require.Equal(t, map[string]int{"large.test": 20, "small.test": 20}, ofHost(a.Work))
}

// hostsReopened: what is queued again is handed out again.
func hostsReopened(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/", "http://b.test/", "http://b.test/x")
	blocked := page(a.Work[1], fleet.PageBlocked)
	blocked.Reason = "blocked by Example"
	a = c.report(t, page(a.Work[0], fleet.PageFailed), blocked, fetched(a.Work[2]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.Equal(t, "blocked by Example: 1 page", a.Reason)
	require.Equal(t, fleet.Counters{Discovered: 3, Fetched: 1, Failed: 1, Blocked: 1, Bytes: 10}, a.Counters)
	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	c = w.claim(t, ticket, 2, wide())
	require.Equal(t, map[string]int{"a.test": 1, "b.test": 1}, ofHost(c.claim.Work))
	same := page(c.claim.Work[0], fleet.PageNotModified)
	a = c.report(t, same, fetched(c.claim.Work[1]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.Equal(t, fleet.Counters{Discovered: 3, Fetched: 2, NotModified: 1, Bytes: 20}, a.Counters)
}

func blockedOnly(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	p := page(a.Work[0], fleet.PageBlocked)
	p.Reason = "blocked by Example"
	a = c.report(t, p)
	require.Equal(t, fleet.OutcomeFailed, a.Outcome)
	require.Equal(t, fleet.CodeBlocked, a.Error.Code)
	require.Equal(t, "blocked by Example", a.Reason)
}
