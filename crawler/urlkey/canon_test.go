package urlkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestCanon_ChangesTheKeyAlone(t *testing.T) {
	t.Parallel()
	tracking := fleet.Canonical{DropTracking: true}
	sorted := fleet.Canonical{SortQuery: true}
	for _, c := range []struct {
		options  fleet.Canonical
		raw, key string
	}{
		{fleet.Canonical{}, "?utm_source=x&b&a", "?utm_source=x&b&a"},
		{tracking, "?utm_source=x&a=1&gclid=y", "?a=1"},
		{tracking, "?utm_source=x", ""},
		{tracking, "?utm%5Fsource=x&fbclid", ""},
		{tracking, "?a=utm_source&xutm_a=1", "?a=utm_source&xutm_a=1"},
		{tracking, "?b=1&a=2&&c", "?b=1&a=2&&c"},
		{fleet.Canonical{DropParams: []string{"sid", "x*"}}, "?sid=1&xyz=2&side=3&y=sid", "?side=3&y=sid"},
		{sorted, "?b=1&a=2&b=0&%61a=3", "?a=2&aa=3&b=1&b=0"},
		{sorted, "?q=a+b&p=a%20b", "?p=a%20b&q=a+b"},
		{fleet.Canonical{DropTracking: true, SortQuery: true}, "?z&utm_x=1&a", "?a&z"},
		{tracking, "", ""},
	} {
		u, err := urlkey.Parse("http://example.com/p" + c.raw)
		require.NoError(t, err)
		got := urlkey.NewCanon(c.options).Of(u)
		require.Equal(t, "http://example.com/p"+c.key, got.Key, c.raw)
		require.Equal(t, u.URL, got.URL, "what is fetched stays")
		require.Equal(t, got, urlkey.NewCanon(c.options).Of(got), "it is at rest")
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://a.test":                                         "a.test/",
		"http://a.test:81/p/17":                                 "a.test:81/p/#",
		"http://a.test/2026-11/x2y.html":                        "a.test/#-#/x#y.html",
		"http://a.test/?b=1&a=2":                                "a.test/?b&a",
		"http://a.test/o/123e4567-e89b-12d3-a456-426614174000/": "a.test/o/*/",
		"http://a.test/facade/decade":                           "a.test/facade/decade",
		"http://a.test/blog/how-to-crawl":                       "a.test/blog/how-to-crawl",
	} {
		u, err := urlkey.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, u.Pattern(), raw)
	}
}

func FuzzCanon_KeysAreAtRest(f *testing.F) {
	f.Add("?a=1&utm_source=2&b", true, true)
	f.Add("?%75tm_x&&=&?", true, false)
	f.Fuzz(func(t *testing.T, query string, drop, sort bool) {
		u, err := urlkey.Parse("http://example.com/" + query)
		if err != nil {
			return
		}
		c := urlkey.NewCanon(fleet.Canonical{DropTracking: drop, SortQuery: sort})
		once := c.Of(u)
		again, err := urlkey.Parse(once.Key)
		require.NoError(t, err)
		require.Equal(t, once.Key, c.Of(again).Key)
	})
}
