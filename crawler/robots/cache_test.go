package robots_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
)

func always(r robots.Response) robots.Fetch {
	return func(context.Context, string) (robots.Response, error) { return r, nil }
}

func TestCache_StatusDecides(t *testing.T) {
	t.Parallel()
	rules := []byte("user-agent: *\ndisallow: /no\n")
	for status, want := range map[int]struct{ no, yes, reachable bool }{
		200: {false, true, true}, 204: {false, true, true}, 404: {true, true, true}, 403: {true, true, true},
		401: {true, true, true}, 410: {true, true, true},
		429: {false, false, false}, 500: {false, false, false}, 503: {false, false, false},
	} {
		c := robots.NewCache("crawlfleet", always(robots.Response{Status: status, Body: rules}))
		e, asked, err := c.Get(t.Context(), "http://h")
		require.NoError(t, err)
		require.True(t, asked)
		require.Equal(t, want.no, e.Rules.Allowed("/no"), status)
		require.Equal(t, want.yes, e.Rules.Allowed("/yes"), status)
		require.Equal(t, want.reachable, e.Err == nil, status)
	}
}

func TestCache_UnreachableDisallows(t *testing.T) {
	t.Parallel()
	c := robots.NewCache("crawlfleet", func(context.Context, string) (robots.Response, error) {
		return robots.Response{}, errors.New("connection refused")
	})
	e, _, err := c.Get(t.Context(), "http://h")
	require.NoError(t, err)
	require.False(t, e.Rules.Allowed("/"))
	require.ErrorContains(t, e.Err, "connection refused")
}

func TestCache_FollowsFiveRedirects(t *testing.T) {
	t.Parallel()
	for hops, followed := range map[int]bool{0: true, 1: true, 5: true, 6: false} {
		c := robots.NewCache("crawlfleet", func(_ context.Context, url string) (robots.Response, error) {
			if n := strings.Count(url, "+"); n < hops {
				return robots.Response{Status: 301, Location: url + "+"}, nil
			}
			return robots.Response{Status: 200, Body: []byte("user-agent: *\ndisallow: /\n")}, nil
		})
		e, _, err := c.Get(t.Context(), "http://h")
		require.NoError(t, err)
		require.Equal(t, !followed, e.Rules.Allowed("/x"), "%d redirects", hops)
	}
}

func TestCache_OneFetchAtATime(t *testing.T) {
	t.Parallel()
	var fetches atomic.Int32
	release := make(chan struct{})
	c := robots.NewCache("crawlfleet", func(context.Context, string) (robots.Response, error) {
		fetches.Add(1)
		<-release
		return robots.Response{Status: 404}, nil
	})
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			_, _, err := c.Get(t.Context(), "http://h")
			require.NoError(t, err)
		})
	}
	require.Nil(t, c.Peek("http://h"))
	close(release)
	callers.Wait()
	require.EqualValues(t, 1, fetches.Load())
	require.NotNil(t, c.Peek("http://h"))
}

func TestCache_ACallerThatGivesUpHandsOver(t *testing.T) {
	t.Parallel()
	entered, calls := make(chan struct{}), atomic.Int32{}
	c := robots.NewCache("crawlfleet", func(ctx context.Context, _ string) (robots.Response, error) {
		if calls.Add(1) == 1 {
			close(entered)
			<-ctx.Done()
			return robots.Response{}, ctx.Err()
		}
		return robots.Response{Status: 404}, nil
	})
	first, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	callers.Go(func() {
		_, _, err := c.Get(first, "http://h")
		require.ErrorIs(t, err, context.Canceled)
	})
	<-entered
	callers.Go(func() {
		e, asked, err := c.Get(t.Context(), "http://h")
		require.NoError(t, err)
		require.True(t, asked)
		require.True(t, e.Rules.Allowed("/x"))
	})
	cancel()
	callers.Wait()
}

func TestCache_ExpiryIsTheSites(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing said":            {http.Header{}, day},
		"an hour":                 {http.Header{"Cache-Control": {"max-age=3600"}}, time.Hour},
		"among others":            {http.Header{"Cache-Control": {"public, Max-Age=\"7200\""}}, 2 * time.Hour},
		"a week is a day":         {http.Header{"Cache-Control": {"max-age=604800"}}, day},
		"too large to count":      {http.Header{"Cache-Control": {"max-age=999999999999999"}}, day},
		"nonsense":                {http.Header{"Cache-Control": {"max-age=soon"}}, day},
		"no cache":                {http.Header{"Cache-Control": {"no-cache"}}, 5 * time.Minute},
		"no store, two lines":     {http.Header{"Cache-Control": {"max-age=86400", "no-store"}}, 5 * time.Minute},
		"a second":                {http.Header{"Cache-Control": {"max-age=1"}}, 5 * time.Minute},
		"part of it is spent":     {http.Header{"Cache-Control": {"max-age=3600"}, "Age": {"600"}}, 50 * time.Minute},
		"expires, by its clock":   {http.Header{"Expires": {at(3 * day)}, "Date": {at(3*day - time.Hour)}}, time.Hour},
		"max-age before expires":  {http.Header{"Cache-Control": {"max-age=3600"}, "Expires": {at(0)}}, time.Hour},
		"expired already":         {http.Header{"Expires": {at(-time.Hour)}}, 5 * time.Minute},
		"expires is no date: old": {http.Header{"Expires": {"0"}}, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, robots.Freshness(c.header, now))
		})
	}
}

func TestCache_KeepsWhatItReadWhileTheSiteIsAway(t *testing.T) {
	t.Parallel()
	status := 200
	c := robots.NewCache("crawlfleet", func(context.Context, string) (robots.Response, error) {
		return robots.Response{Status: status, Body: []byte("user-agent: *\ndisallow: /no\n")}, nil
	})
	_, _, err := c.Get(t.Context(), "http://h")
	require.NoError(t, err)
	c.Expire("http://h")
	status = 503
	e, asked, err := c.Get(t.Context(), "http://h")
	require.NoError(t, err)
	require.True(t, asked)
	require.NoError(t, e.Err)
	require.True(t, e.Rules.Allowed("/yes"))
	require.False(t, e.Rules.Allowed("/no"))
	require.Less(t, time.Until(e.Until), 10*time.Minute, "it is asked again soon")
}
