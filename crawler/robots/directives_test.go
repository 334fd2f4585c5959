package robots_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
)

// The forms are those of "Robots meta tag, data-nosnippet, and X-Robots-Tag specifications".
func TestDirect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		body    string
		want    string
	}{
		"nothing":                    {nil, "<title>x</title>", ""},
		"header":                     {[]string{"noindex"}, "", "noindex"},
		"two in a header":            {[]string{"noindex, nofollow"}, "", "noindex, nofollow"},
		"two headers":                {[]string{"noarchive", "NoFollow"}, "", "nofollow"},
		"none":                       {[]string{"none"}, "", "noindex, nofollow"},
		"all":                        {[]string{"all"}, "", ""},
		"for us":                     {[]string{"CrawlFleet: nofollow"}, "", "nofollow"},
		"for another":                {[]string{"googlebot: nofollow, noindex"}, "", ""},
		"for another, then for us":   {[]string{"otherbot: noindex, crawlfleet: nofollow"}, "", "nofollow"},
		"a directive with a value":   {[]string{"max-snippet:20, noindex"}, "", "noindex"},
		"a date with commas":         {[]string{"unavailable_after: 25 Jun 2010 15:00:00 PST"}, "", ""},
		"meta":                       {nil, `<head><meta name="robots" content="noindex,nofollow"></head>`, "noindex, nofollow"},
		"meta for us":                {nil, `<META CONTENT='nofollow' NAME=crawlfleet>`, "nofollow"},
		"meta for another":           {nil, `<meta name="googlebot" content="noindex">`, ""},
		"meta of something else":     {nil, `<meta name="description" content="noindex">`, ""},
		"meta in the body":           {nil, `<body><meta name="robots" content="noindex">`, ""},
		"meta in a comment":          {nil, `<!-- <meta name="robots" content="noindex"> -->`, ""},
		"both: the strictest counts": {[]string{"nofollow"}, `<meta name=robots content="noindex">`, "noindex, nofollow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, robots.Direct(c.headers, []byte(c.body), "crawlfleet").String())
		})
	}
}
