package robots_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
)

// The cases are those of RFC 9309 and of Google's published robots_test.cc
// (the "ID_" ones, which test the standard), one line each.
func TestRules_Allowed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file, agent, path string
		want                    bool
	}{
		{"nothing", "", "FooBot", "/x", true},
		{"only comments", "# hello\n\n", "FooBot", "/x", true},
		{"system: basic", "user-agent: FooBot\ndisallow: /\n", "FooBot", "/x/y", false},
		{"system: no colon between words", "user-agent FooBot\ndisallow /\n", "FooBot", "/x/y", false},
		{"system: not a rule", "foo: FooBot\nbar: /\n", "FooBot", "/x/y", true},
		{"groups: first", groups, "FooBot", "/x/b", true},
		{"groups: first, forbidden", groups, "FooBot", "/z/d", false},
		{"groups: first, not the second's", groups, "FooBot", "/y/c", false},
		{"groups: second", groups, "BarBot", "/y/c", true},
		{"groups: second, forbidden", groups, "BarBot", "/w/a", true},
		{"groups: second, not the third's", groups, "BarBot", "/z/d", true},
		{"groups: several agents", groups, "BazBot", "/z/d", true},
		{"groups: several agents, forbidden", groups, "BazBot", "/y/c", false},
		{"other rules do not close", "User-agent: BarBot\nSitemap: https://foo.bar/s\nUser-agent: *\nDisallow: /\n", "FooBot", "/", false},
		{"other rules do not close, same", "User-agent: BarBot\nSitemap: https://foo.bar/s\nUser-agent: *\nDisallow: /\n", "BarBot", "/", false},
		{"unknown rules do not close", "User-agent: FooBot\nInvalid-Unknown-Line: x\nUser-agent: *\nDisallow: /\n", "FooBot", "/", false},
		{"names in capitals", "USER-AGENT: FooBot\nALLOW: /x/\nDISALLOW: /\n", "FooBot", "/x/y", true},
		{"names in camel case", "uSeR-aGeNt: FooBot\nAlLoW: /x/\ndIsAlLoW: /\n", "FooBot", "/a/b", false},
		{"agent without case, upper", "User-Agent: FOO BAR\nAllow: /x/\nDisallow: /\n", "Foo", "/x/y", true},
		{"agent without case, lower", "User-Agent: foo bar\nAllow: /x/\nDisallow: /\n", "Foo", "/a/b", false},
		{"agent with a version", "User-agent: FooBot/1.2\nDisallow: /\n", "FooBot", "/x", false},
		{"agent is not a prefix", "User-agent: Foo\nDisallow: /\n", "FooBot", "/x", true},
		{"agent is not a longer one", "User-agent: FooBot-News\nDisallow: /\n", "FooBot", "/x", true},
		{"own group before everybody's", "user-agent: *\nallow: /\nuser-agent: FooBot\ndisallow: /\n", "FooBot", "/x", false},
		{"everybody's for others", "user-agent: FooBot\nallow: /\nuser-agent: *\ndisallow: /\n", "BarBot", "/x", false},
		{"own empty group allows", "user-agent: *\ndisallow: /\nuser-agent: FooBot\n", "FooBot", "/x", true},
		{"star with words behind", "user-agent: * baz\ndisallow: /\n", "FooBot", "/x", false},
		{"star as part of a name", "user-agent: *foo\ndisallow: /\n", "FooBot", "/x", true},
		{"rules before any group", "disallow: /x/\nuser-agent: FooBot\ndisallow: /y/\n", "FooBot", "/x/", true},
		{"merged groups", "user-agent: FooBot\ndisallow: /a\nuser-agent: *\nuser-agent: FooBot\ndisallow: /b\n", "FooBot", "/a", false},
		{"merged groups, second", "user-agent: FooBot\ndisallow: /a\nuser-agent: BarBot\nuser-agent: FooBot\ndisallow: /b\n", "FooBot", "/b", false},
		{"paths have case", "user-agent: FooBot\ndisallow: /X/\n", "FooBot", "/x/y", true},
		{"longest: disallow", "user-agent: FooBot\ndisallow: /x/page.html\nallow: /x/\n", "FooBot", "/x/page.html", false},
		{"longest: allow", "user-agent: FooBot\nallow: /x/page.html\ndisallow: /x/\n", "FooBot", "/x/page.html", true},
		{"longest: allow, others not", "user-agent: FooBot\nallow: /x/page.html\ndisallow: /x/\n", "FooBot", "/x/", false},
		{"equal: allow", "user-agent: FooBot\ndisallow: /x/page.html\nallow: /x/page.html\n", "FooBot", "/x/page.html", true},
		{"empty rules", "user-agent: FooBot\ndisallow:\nallow:\n", "FooBot", "/x", true},
		{"root and less", "user-agent: FooBot\ndisallow: /\nallow: /x\n", "FooBot", "/xa", true},
		{"wildcard longer than plain", "user-agent: FooBot\ndisallow: /x/page.html\nallow: *.html\n", "FooBot", "/x/page.html", false},
		{"wildcard in the middle", "user-agent: FooBot\ndisallow: /foo*quz\n", "FooBot", "/foo/bar/quz/x", false},
		{"wildcard, no match", "user-agent: FooBot\ndisallow: /foo*quz\n", "FooBot", "/foo/bar", true},
		{"wildcard, end", "user-agent: FooBot\ndisallow: /*.php$\n", "FooBot", "/a.php", false},
		{"wildcard, end, query", "user-agent: FooBot\ndisallow: /*.php$\n", "FooBot", "/a.php?x", true},
		{"wildcard, end, twice", "user-agent: FooBot\ndisallow: /*.php$\n", "FooBot", "/a.php/b.php", false},
		{"end alone", "user-agent: FooBot\ndisallow: /\nallow: /$\n", "FooBot", "/", true},
		{"end alone, others", "user-agent: FooBot\ndisallow: /\nallow: /$\n", "FooBot", "/a", false},
		{"two stars", "user-agent: FooBot\ndisallow: /a*b*c$\n", "FooBot", "/aXbYbZc", false},
		{"overlap needs both", "user-agent: FooBot\ndisallow: /ab*bc$\n", "FooBot", "/abc", true},
		{"no slash in front", "user-agent: FooBot\ndisallow: fish/\n", "FooBot", "/fish/", true},
		{"dollar in the middle", "user-agent: FooBot\ndisallow: /a$b\n", "FooBot", "/a$b", false},
		{"escaped star", "user-agent: FooBot\ndisallow: /file-with-a-%2A.html\n", "FooBot", "/file-with-a-*.html", false},
		{"escaped star is not a wildcard", "user-agent: FooBot\ndisallow: /file-with-a-%2A.html\n", "FooBot", "/file-with-a-x.html", true},
		{"escaped dollar", "user-agent: FooBot\ndisallow: /path/foo-%24\n", "FooBot", "/path/foo-$", false},
		{"query", "user-agent: FooBot\ndisallow: /\nallow: /foo/bar?qux=taz&baz=http://foo.bar?tar&par\n", "FooBot", "/foo/bar?qux=taz&baz=http://foo.bar?tar&par", true},
		{"octets: 3 bytes raw", "user-agent: FooBot\ndisallow: /\nallow: /foo/bar/ツ\n", "FooBot", "/foo/bar/%E3%83%84", true},
		{"octets: small hex digits", "user-agent: FooBot\ndisallow: /\nallow: /foo/bar/%e3%83%84\n", "FooBot", "/foo/bar/%E3%83%84", true},
		{"octets: escaped unreserved rule", "user-agent: FooBot\ndisallow: /\nallow: /foo/bar/%62%61%7A\n", "FooBot", "/foo/bar/baz", true},
		{"octets: escaped unreserved path", "user-agent: FooBot\ndisallow: /foo/baz\n", "FooBot", "/foo/%62%61%7A", false},
		{"octets: escaped slash is not a slash", "user-agent: FooBot\ndisallow: /a/b\n", "FooBot", "/a%2Fb", true},
		{"comment behind a rule", "user-agent: FooBot # us\ndisallow: /fish#but not me\n", "FooBot", "/fish", false},
		{"byte order mark", "\xef\xbb\xbfUser-Agent: FooBot\nDisallow: /\n", "FooBot", "/x", false},
		{"carriage returns", "User-Agent: FooBot\rDisallow: /a\rAllow: /a/b\r", "FooBot", "/a", false},
		{"DOS lines", "User-Agent: FooBot\r\nDisallow: /a\r\n", "FooBot", "/a", false},
		{"no line end", "User-Agent: FooBot\nDisallow: /a", "FooBot", "/a", false},
		{"robots.txt itself", "User-Agent: *\nDisallow: /\n", "FooBot", "/robots.txt", true},
		{"crawl-delay does not close", "User-Agent: FooBot\nCrawl-delay: 2\nUser-Agent: BarBot\nDisallow: /\n", "FooBot", "/x", false},
		{"HTML instead of rules", "<!DOCTYPE html>\n<html><body>not found</body></html>\n", "FooBot", "/x", true},
		{"rule beyond the cap", strings.Repeat("#", robots.MaxSize) + "\nuser-agent: *\ndisallow: /\n", "FooBot", "/x", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, robots.Parse([]byte(c.file), c.agent).Allowed(c.path))
		})
	}
}

const groups = `allow: /foo/bar/

user-agent: FooBot
disallow: /
allow: /x/
user-agent: BarBot
disallow: /
allow: /y/
allow: /w/
allow: /z/


user-agent: BazBot
user-agent: QuxBot
allow: /z/
disallow: /
`

func TestRules_DelayAndSitemaps(t *testing.T) {
	t.Parallel()
	r := robots.Parse([]byte("Sitemap: https://a/1.xml\nuser-agent: x\ncrawl-delay: 9\n"+
		"user-agent: *\ncrawl-delay: 2.5\ndisallow:\nSitemap: https://a/2.xml\n"), "crawlfleet")
	require.Equal(t, 2500*time.Millisecond, r.Delay)
	require.Equal(t, []string{"https://a/1.xml", "https://a/2.xml"}, r.Sitemaps)
	for _, bad := range []string{"-1", "NaN", "soon", "1e99", "Inf"} {
		r := robots.Parse([]byte("user-agent: *\ncrawl-delay: "+bad+"\n"), "crawlfleet")
		require.Zero(t, r.Delay, bad)
	}
}

func TestRules_HostilePatternsEndSoon(t *testing.T) {
	t.Parallel()
	file := "user-agent: *\ndisallow: /" + strings.Repeat("*a", 200_000) + "$\n"
	start := time.Now()
	robots.Parse([]byte(file), "x").Allowed("/" + strings.Repeat("a", 4000) + "b")
	require.Less(t, time.Since(start), 5*time.Second)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(groups), "/x%41*?$")
	f.Fuzz(func(_ *testing.T, file []byte, path string) {
		robots.Parse(file, "FooBot").Allowed("/" + path)
	})
}
