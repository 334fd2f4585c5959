package crawler_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// wall answers every page with a challenge that looks like a success.
func wall(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Waf-Action", "challenge")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`<html><head><title>Wait</title></head><body><a href="/hidden">x</a></body></html>`))
}

func TestBlocked_IsNoContentAndEndsTheHammering(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/", wall)
	s.handle("/robots.txt", http.NotFound)
	in := s.ticket("/")
	for i := range 40 {
		in.URLs = append(in.URLs, fmt.Sprintf("%s/p%d", s.URL, i))
	}
	in.Fetch.Concurrency = 1
	r := newRows(t, in)
	result, err := newEngine(t, r).Crawl(t.Context(), tenant, "t1", guid, 1, func(c fleet.Counters) {
		require.True(t, c.Balanced(), "%+v", c)
	})
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeFailed, result.Outcome)
	require.Equal(t, fleet.CodeBlocked, result.Error.Code)
	require.Equal(t, "blocked by AWS WAF", result.Reason)
	require.EqualValues(t, 41, result.Counters.Blocked)
	require.Len(t, s.hits(""), 4, "then the host is given up")
	pages, err := r.Pages(t.Context(), tenant, "t1", 0, 100)
	require.NoError(t, err)
	for _, p := range pages {
		require.Equal(t, fleet.PageBlocked, p.Outcome)
		require.Equal(t, "blocked by AWS WAF", p.Reason)
		require.Empty(t, p.Title)
		require.Empty(t, p.SHA256)
	}
	pace, err := r.Pace(t.Context(), tenant, "t1")
	require.NoError(t, err)
	require.Equal(t, "given up: blocked by AWS WAF", pace.Hosts[0].Note)
}

func TestBlocked_OnceIsTriedAgainMoreSlowly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/p", "/q")
	s.page("/q")
	s.handle("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if len(s.hits("/")) == 1 {
			wall(w, r)
			return
		}
		_, _ = w.Write([]byte(`<a href="/p">x</a>`))
	})
	p := newPlane(s.ticket("/"))
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, []string{"/", "/p", "/q"}, p.urls(fleet.PageFetched, s.URL))
	require.Zero(t, p.count(fleet.PageBlocked))
	hits := s.hits("")
	require.GreaterOrEqual(t, hits[1].at.Sub(hits[0].at).Seconds(), 1-jitter.Seconds())
}
