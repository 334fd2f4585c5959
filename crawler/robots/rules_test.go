package robots_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
)

// The cases are written from RFC 9309 (sections 2.2, 2.5 and 5), one line each. They are
// those that Google's robots_test.cc (github.com/google/robotstxt) names "ID_", which test
// the standard, and the path examples of developers.google.com's "How Google interprets
// the robots.txt specification". Where that parser and the RFC differ the RFC counts.
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
		{"frequent errors", "useragent: FooBot\ndissallow: /x\ndisalow: /y\n", "FooBot", "/x", false},
		{"frequent errors, others", "user agent: FooBot\ndisallaw: /x\ndissalow: /y\ndiasllow: /z\n", "FooBot", "/y", false},
		{"zero bytes", "user-agent: *\x00\ndisallow: /x\x00\n", "FooBot", "/x/y", false},
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
		{"byte order mark, half of it", "\xef\xbbUser-Agent: FooBot\nDisallow: /\n", "FooBot", "/x", false},
		{"byte order mark, a broken one", "\xef\x11\xbfUser-Agent: FooBot\nDisallow: /\n", "FooBot", "/x", true},
		{"special: star, no match", "User-agent: FooBot\nDisallow: /foo/bar/quz\nAllow: /foo/*/qux\n", "FooBot", "/foo/bar/quz", false},
		{"special: star, other path", "User-agent: FooBot\nDisallow: /foo/bar/quz\nAllow: /foo/*/qux\n", "FooBot", "/foo/bax/quz", true},
		{"special: dollar", "User-agent: FooBot\nDisallow: /foo/bar$\nAllow: /foo/bar/qux\n", "FooBot", "/foo/bar", false},
		{"special: dollar, longer path", "User-agent: FooBot\nDisallow: /foo/bar$\nAllow: /foo/bar/qux\n", "FooBot", "/foo/bar/baz", true},
		{"special: comment line", "User-agent: FooBot\n# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /\n", "FooBot", "/foo/bar", true},
		{"special: comment in a rule", "User-agent: FooBot\n# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /\n", "FooBot", "/foo/quz", false},
		{"fish", "user-agent: FooBot\ndisallow: /\nallow: /fish\n", "FooBot", "/fishheads/yummy.html", true},
		{"fish, in the middle", "user-agent: FooBot\ndisallow: /\nallow: /fish\n", "FooBot", "/catfish", false},
		{"fish, capitals", "user-agent: FooBot\ndisallow: /\nallow: /fish\n", "FooBot", "/Fish.asp", false},
		{"fish*, query", "user-agent: FooBot\ndisallow: /\nallow: /fish*\n", "FooBot", "/fish.php?id=anything", true},
		{"fish/, without", "user-agent: FooBot\ndisallow: /\nallow: /fish/\n", "FooBot", "/fish", false},
		{"fish/, with", "user-agent: FooBot\ndisallow: /\nallow: /fish/\n", "FooBot", "/fish/?salmon", true},
		{"*.php, anywhere", "user-agent: FooBot\ndisallow: /\nallow: /*.php\n", "FooBot", "/folder/any.php.file.html", true},
		{"*.php, not there", "user-agent: FooBot\ndisallow: /\nallow: /*.php\n", "FooBot", "/windows.PHP", false},
		{"*.php$, slash behind", "user-agent: FooBot\ndisallow: /\nallow: /*.php$\n", "FooBot", "/filename.php/", false},
		{"*.php$, version behind", "user-agent: FooBot\ndisallow: /\nallow: /*.php$\n", "FooBot", "/filename.php5", false},
		{"fish*.php", "user-agent: FooBot\ndisallow: /\nallow: /fish*.php\n", "FooBot", "/fishheads/catfish.php?parameters", true},
		{"order: folder", "user-agent: FooBot\nallow: /p\ndisallow: /\n", "FooBot", "/page", true},
		{"order: equal length", "user-agent: FooBot\nallow: /folder\ndisallow: /folder\n", "FooBot", "/folder/page", true},
		{"order: longer wildcard", "user-agent: FooBot\nallow: /page\ndisallow: /*.htm\n", "FooBot", "/page.htm", false},
		{"order: root only", "user-agent: FooBot\nallow: /$\ndisallow: /\n", "FooBot", "/page.html", false},
		{"RFC 5.1: own group", rfcExample, "ExampleBot", "/temporary/x", false},
		{"RFC 5.1: two agents", rfcExample, "BarBot", "/example/page.html", false},
		{"RFC 5.1: empty group allows", rfcExample, "QuxBot", "/example/page.html", true},
		{"RFC 5.1: everybody", rfcExample, "OtherBot", "/publications/x", true},
		{"RFC 5.1: everybody, forbidden image", rfcExample, "OtherBot", "/a/b.gif", false},
		{"RFC 5.2: longest", "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n", "foobot", "/example/page/disallow.gif", true},
		{"RFC 5.2: longest, forbidden", "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n", "foobot", "/example/page/disallowed.gif", false},
		{"a line that the cap cuts", "user-agent: *\n" + strings.Repeat("#", robots.MaxSize-len("user-agent: *\n")-len("\ndisallow: /")) + "\ndisallow: /private\n", "FooBot", "/x", true},
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

// rfcExample is the example of RFC 9309 section 5.1.
const rfcExample = `User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot

User-Agent: examplebot
Disallow: /temporary
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
	require.Less(t, time.Since(start), time.Minute, "it takes milliseconds; with backtracking it takes years")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(groups), "/x%41*?$")
	f.Fuzz(func(_ *testing.T, file []byte, path string) {
		robots.Parse(file, "FooBot").Allowed("/" + path)
	})
}
