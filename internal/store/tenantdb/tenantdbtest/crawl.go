package tenantdbtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func firstClaim(t *testing.T, w *world) {
	n, at, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, at.IsZero())

	c := w.claim(t, ticket, 1, wide())
	require.True(t, c.claim.Seed)
	require.Empty(t, c.claim.Work)
	require.Equal(t, wide(), c.claim.Spec)
	first := w.clock()
	w.advance(time.Minute)

	c = w.claim(t, ticket, 2, wide()) // the first one died before its seeds came
	require.True(t, c.claim.Seed)
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("a", "b") })
	require.Equal(t, []string{"a", "b"}, urls(a.Work))
	require.Equal(t, fleet.NextGo, a.Next)

	c = w.claim(t, ticket, 3, wide())
	require.False(t, c.claim.Seed)
	require.Equal(t, []string{"a", "b"}, urls(c.claim.Work))
	_, at, err = w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Equal(t, first, at)
}

func seedsByKey(t *testing.T, w *world) {
	c := w.claim(t, ticket, 1, wide())
	a := c.exchange(t, func(r *fleet.ExchangeRequest) {
		r.Seeds = []fleet.Link{{URL: "A", Key: "a"}, {URL: "a", Key: "a"}, {URL: "b", Key: "b"}}
	})
	require.Equal(t, []string{"A", "b"}, urls(a.Work))
	a = c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("late") })
	require.EqualValues(t, 2, a.Counters.Discovered)
}

func noSeeds(t *testing.T, w *world) {
	c := w.claim(t, ticket, 1, wide())
	_, err := c.try(t)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	c.seq = 0 // nothing was applied
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("a") })
	require.Len(t, a.Work, 1)
}

func wholeCrawl(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, fetched(a.Work[0], "b", "c", "d"))
	require.Equal(t, []string{"b", "c", "d"}, urls(a.Work))
	require.Equal(t, "a", a.Work[0].Via)
	require.Equal(t, 1, a.Work[0].Depth)
	require.Equal(t, fleet.Counters{Discovered: 4, InFlight: 3, Fetched: 1, Bytes: 10}, a.Counters)
	a = c.report(t, fetched(a.Work[2]), page(a.Work[0], fleet.PageFailed), page(a.Work[1], fleet.PageSkipped))
	require.Equal(t, fleet.NextEnd, a.Next)
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.Nil(t, a.Error)
	require.Equal(t,
		fleet.Counters{Discovered: 4, Fetched: 2, Failed: 1, Skipped: 1, Bytes: 20}, a.Counters)

	var got []string
	after := int64(0)
	for { // in portions of one, as a slow reader does
		list, err := w.Pages(t.Context(), tenant, ticket, after, 1)
		require.NoError(t, err)
		if len(list) == 0 {
			break
		}
		require.Greater(t, list[0].Seq, after)
		after = list[0].Seq
		got = append(got, list[0].URL)
	}
	require.Equal(t, []string{"a", "d", "b", "c"}, got)
}

func columns(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	p := fleet.PageResult{
		ID: a.Work[0].ID, URL: "a", Outcome: fleet.PageFetched, Reason: "r", Status: 203,
		ContentType: "text/html", Title: "Тест 'quoted'", Bytes: 1 << 40, SHA256: "abc",
		Fields:    map[string]any{"price": "1", "tags": []any{"x", "y"}, "none": nil, "id": json.Number("12345678901234567")},
		Truncated: true, Address: "127.0.0.9", Took: fleet.Duration(3*time.Second + 1),
		FetchedAt: w.clock().Add(time.Microsecond),
		ETag:      `W/"x"`, LastModified: "yesterday", Before: "def",
		Notes: fleet.Notes{
			Canonical: "http://b.test/", Charset: "utf-8", Missing: []string{"price"}, Mistyped: []string{"id"},
			Languages: []fleet.Translation{{Language: "de", URL: "http://a.test/de"}},
		},
	}
	c.report(t, p)
	require.Equal(t, []fleet.PageRow{{Seq: 1, PageResult: p, GUID: c.guid}}, w.pages(t))
}

// largePages: who reads is given some of them at a time, and in the end all.
func largePages(t *testing.T, w *world) {
	const number, size = 40, 1 << 20
	var seeds []string
	for i := range number {
		seeds = append(seeds, fmt.Sprint("p", i))
	}
	c, a := w.begin(t, wide(), seeds...)
	for _, u := range a.Work {
		p := fetched(u)
		p.Fields = fleet.Values{"text": strings.Repeat("é", size/2)}
		c.report(t, p)
	}
	var got []string
	for after := int64(0); ; {
		list, err := w.Pages(t.Context(), tenant, ticket, after, 10_000)
		require.NoError(t, err)
		if len(list) == 0 {
			break
		}
		require.LessOrEqual(t, len(list), 10, "of 1 MiB each")
		for _, p := range list {
			require.Greater(t, p.Seq, after)
			after, got = p.Seq, append(got, p.URL)
		}
	}
	require.Equal(t, seeds, got)
	list, err := w.Pages(t.Context(), tenant, ticket, 3, 2)
	require.NoError(t, err)
	require.Len(t, list, 2, "as many as are wanted, where that is less")
}

func dedupe(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.exchange(t, with(fetched(a.Work[0], "b", "a", "b", "c")), want(1))
	require.EqualValues(t, 3, a.Counters.Discovered)
	a = c.report(t, fetched(a.Work[0], "a", "b", "c"))
	require.EqualValues(t, 3, a.Counters.Discovered)
	require.Equal(t, []string{"c"}, urls(a.Work))
}

func depthLimit(t *testing.T, w *world) {
	c, a := w.begin(t, spec(1000, 1), "a")
	a = c.report(t, fetched(a.Work[0], "b"))
	a = c.report(t, fetched(a.Work[0], "too-deep"))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.EqualValues(t, 2, a.Counters.Discovered)
}

// levels: d is 3 links from the seed by b and c, but 2 by the slow page; whichever
// answers first, its child e is within the limit of 3.
func levels(t *testing.T, w *world) {
	c, a := w.begin(t, spec(1000, 3), "a")
	a = c.report(t, fetched(a.Work[0], "slow", "b"))
	require.Equal(t, []string{"slow", "b"}, urls(a.Work))
	slow := a.Work[0]
	a = c.report(t, fetched(a.Work[1], "c"))
	require.Empty(t, a.Work)
	require.Equal(t, fleet.NextGo, a.Next)
	require.Zero(t, a.NotBefore)
	a = c.report(t, fetched(slow, "d"))
	require.Equal(t, []string{"c", "d"}, urls(a.Work))
	a = c.report(t, fetched(a.Work[0], "d"), fetched(a.Work[1], "e"))
	require.Equal(t, []string{"e"}, urls(a.Work))
	require.Equal(t, 3, a.Work[0].Depth)
}

func redirect(t *testing.T, w *world) {
	c, a := w.begin(t, spec(1, 0), "a") // a redirect takes no place under the limit
	a = c.report(t, page(a.Work[0], fleet.PageRedirected, "b"))
	require.Equal(t, []string{"b"}, urls(a.Work))
	require.Zero(t, a.Work[0].Depth)
	require.Equal(t, 1, a.Work[0].Hops)
	a = c.report(t, fetched(a.Work[0]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.EqualValues(t, 1, a.Counters.Redirected)
	pages := w.pages(t)
	require.Equal(t, []fleet.Link{{URL: "b"}}, pages[0].Links)
	require.Empty(t, pages[1].Links)
}

func redirectNearer(t *testing.T, w *world) {
	c, a := w.begin(t, spec(1000, 1), "a", "r")
	r := a.Work[1]
	a = c.report(t, fetched(a.Work[0], "b"))
	require.Empty(t, a.Work, "b is a level below r")
	a = c.report(t, page(r, fleet.PageRedirected, "b"))
	require.Equal(t, []string{"b"}, urls(a.Work))
	require.Zero(t, a.Work[0].Depth)
	a = c.report(t, fetched(a.Work[0], "c"))
	require.Equal(t, []string{"c"}, urls(a.Work))
}

func redirectLoop(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "r0")
	for i := 1; a.Next == fleet.NextGo; i++ {
		require.LessOrEqual(t, i, 11)
		a = c.report(t, page(a.Work[0], fleet.PageRedirected, fmt.Sprintf("r%d", i)))
	}
	require.Equal(t, fleet.OutcomeFailed, a.Outcome)
	require.Equal(t, fleet.CodeUnreachable, a.Error.Code)
	require.Contains(t, a.Error.Message, "redirect loop")
	require.Equal(t, fleet.Counters{Discovered: 11, Redirected: 10, Failed: 1}, a.Counters)
	pages := w.pages(t)
	require.Equal(t, fleet.PageFailed, pages[10].Outcome)
	require.Equal(t, "redirect loop", pages[10].Reason)
}

func redirectCircle(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, page(a.Work[0], fleet.PageRedirected, "b"))
	a = c.report(t, page(a.Work[0], fleet.PageRedirected, "a"))
	require.Equal(t, fleet.OutcomeFailed, a.Outcome)
	require.Equal(t, fleet.CodeUnreachable, a.Error.Code)
}

func pageLimit(t *testing.T, w *world) {
	c, a := w.begin(t, spec(3, fleet.DefaultMaxDepth), "a")
	a = c.report(t, fetched(a.Work[0], "b", "c", "d", "e"))
	require.Equal(t, []string{"b", "c"}, urls(a.Work), "two places are left")
	second := a.Work[1]
	a = c.report(t, fetched(a.Work[0]))
	require.Empty(t, a.Work)
	require.Equal(t, fleet.NextGo, a.Next, "one is in flight")
	a = c.report(t, fetched(second, "f"))
	require.Equal(t, fleet.OutcomeLimited, a.Outcome)
	require.Equal(t, "page limit", a.Reason)
	require.Equal(t, fleet.Counters{Discovered: 6, Fetched: 3, Skipped: 3, Bytes: 30}, a.Counters)
	require.Len(t, w.pages(t), 3)
}

func pageLimitFailed(t *testing.T, w *world) {
	c, a := w.begin(t, spec(2, fleet.DefaultMaxDepth), "a", "b", "c")
	require.Equal(t, []string{"a", "b"}, urls(a.Work))
	a = c.report(t, page(a.Work[0], fleet.PageFailed), fetched(a.Work[1]))
	require.Equal(t, []string{"c"}, urls(a.Work))
	a = c.report(t, fetched(a.Work[0]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
}

func pageLimitAll(t *testing.T, w *world) {
	c, a := w.begin(t, spec(1, fleet.DefaultMaxDepth), "a")
	a = c.report(t, fetched(a.Work[0]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
}

func retry(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, fleet.PageResult{
		ID: a.Work[0].ID, Retry: true, Reason: "status 503", RetryAfter: fleet.Duration(time.Minute),
	})
	require.Empty(t, a.Work)
	require.Equal(t, fleet.NextGo, a.Next)
	require.Equal(t, fleet.Duration(time.Minute), a.NotBefore)
	require.Equal(t, fleet.Counters{Discovered: 1, Queued: 1}, a.Counters)
	w.advance(59 * time.Second)
	a = c.report(t)
	require.Empty(t, a.Work)
	require.Equal(t, fleet.Duration(time.Second), a.NotBefore)
	w.advance(time.Second)
	a = c.report(t)
	require.Equal(t, 1, a.Work[0].Attempts)
	a = c.report(t, fetched(a.Work[0]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.Len(t, w.pages(t), 1)
}

func unreachable(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a", "b")
	first, second := page(a.Work[0], fleet.PageFailed), page(a.Work[1], fleet.PageFailed)
	first.Reason = "connection refused"
	a = c.report(t, second, first)
	require.Equal(t, fleet.NextEnd, a.Next)
	require.Equal(t, fleet.OutcomeFailed, a.Outcome)
	require.Equal(t, fleet.CodeUnreachable, a.Error.Code)
	require.Contains(t, a.Error.Message, "a: connection refused")
}

func skippedOnly(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, page(a.Work[0], fleet.PageSkipped))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.Equal(t, fleet.Counters{Discovered: 1, Skipped: 1}, a.Counters)
}

func ledAway(t *testing.T, w *world) {
	left := func(u fleet.FrontierURL, reason string) fleet.PageResult {
		p := page(u, fleet.PageSkipped)
		p.Reason = reason
		return p
	}
	c, a := w.begin(t, wide(), "a", "b")
	a = c.report(t, left(a.Work[0], "redirect out of scope: www.a.test:8443"), page(a.Work[1], fleet.PageFailed))
	require.Equal(t, fleet.OutcomeFailed, a.Outcome)
	require.Equal(t, fleet.CodeUnreachable, a.Error.Code)
	require.Equal(t, "no seed could be fetched; a: redirect out of scope: www.a.test:8443; "+
		"add www.a.test:8443 to scope.hosts", a.Reason)
	require.Equal(t, a.Reason, a.Error.Message)
}
