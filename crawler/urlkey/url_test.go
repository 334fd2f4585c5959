package urlkey_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestParse_Keys(t *testing.T) {
	t.Parallel()
	for raw, key := range map[string]string{
		"http://Example.COM":                   "http://example.com/",
		"http://example.com:80/a":              "http://example.com/a",
		"https://example.com:443/":             "https://example.com/",
		"http://example.com:443/":              "http://example.com:443/",
		"http://example.com/a#frag":            "http://example.com/a",
		"http://example.com/a#":                "http://example.com/a",
		"http://u:p@example.com/a":             "http://example.com/a",
		"http://example.com/%70":               "http://example.com/p",
		"http://example.com/%7Euser":           "http://example.com/~user",
		"http://example.com/%7euser":           "http://example.com/~user",
		"http://example.com/a%2fb":             "http://example.com/a%2Fb",
		"http://example.com/a/../b/./c":        "http://example.com/b/c",
		"http://example.com/a/%2e%2E/b":        "http://example.com/b",
		"http://example.com/a?":                "http://example.com/a",
		"http://example.com/a?#x":              "http://example.com/a",
		"http://example.com/a??":               "http://example.com/a??",
		"http://example.com/a?b=1&a=2":         "http://example.com/a?b=1&a=2",
		"http://example.com/a?q=%41%2B+":       "http://example.com/a?q=A%2B+",
		"http://example.com//a//b":             "http://example.com//a//b",
		"http://example.com/ä":                 "http://example.com/%C3%A4",
		"http://bücher.de/":                    "http://xn--bcher-kva.de/",
		"http://example.com/100%":              "http://example.com/100%25",
		"http://example.com/%2%65":             "http://example.com/%252e",
		"http://example.com\\a\\b":             "http://example.com/a/b",
		" http://example.com/a\tb ":            "http://example.com/ab",
		"http://127.1/":                        "http://127.0.0.1/",
		"http://0x7f.1/":                       "http://127.0.0.1/",
		"http://2130706433/":                   "http://127.0.0.1/",
		"http://[::ffff:127.0.0.1]:8080/":      "http://[::ffff:7f00:1]:8080/",
		"HTTP://EXAMPLE.com/UPPER?Q=1":         "http://example.com/UPPER?Q=1",
		"http://example.com/a b?c d":           "http://example.com/a%20b?c%20d",
		"http://example.com/x?y=http://a/?b=c": "http://example.com/x?y=http://a/?b=c",
	} {
		u, err := urlkey.Parse(raw)
		require.NoError(t, err, raw)
		require.Equal(t, key, u.Key, raw)

		again, err := urlkey.Parse(u.Key)
		require.NoError(t, err, raw)
		require.Equal(t, key, again.Key, "a key is its own key: %s", raw)
	}
}

func TestParse_FetchesTheOriginal(t *testing.T) {
	t.Parallel()
	u, err := urlkey.Parse("http://u:p@Example.com:80/%7Euser?b&a#top")
	require.NoError(t, err)
	require.Equal(t, "http://example.com/%7Euser?b&a", u.URL)
	require.Equal(t, "http://example.com", u.Origin())
	require.Equal(t, "/%7Euser?b&a", u.PathQuery())
	require.Equal(t, "example.com", u.Host)
}

func TestParse_Refuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]error{
		"mailto:a@b.c":        urlkey.ErrScheme,
		"ftp://example.com/":  urlkey.ErrScheme,
		"file:///etc/passwd":  urlkey.ErrScheme,
		"javascript:alert(1)": urlkey.ErrScheme,
		"http://example.com/" + strings.Repeat("a", fleet.MaxURL): urlkey.ErrLength,
		"http://exa mple.com/": nil,
		"http://":              nil,
		"http://a:99999/":      nil,
		"/relative":            nil,
		"":                     nil,
	} {
		_, err := urlkey.Parse(raw)
		require.Error(t, err, raw)
		if want != nil {
			require.ErrorIs(t, err, want, raw)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	page, err := urlkey.Parse("http://example.com/dir/page.html?q=1")
	require.NoError(t, err)
	base := urlkey.NewBase(page)
	for href, want := range map[string]string{
		"":                      "http://example.com/dir/page.html?q=1",
		"#top":                  "http://example.com/dir/page.html?q=1",
		"?x":                    "http://example.com/dir/page.html?x",
		"other.html":            "http://example.com/dir/other.html",
		" other.html\n":         "http://example.com/dir/other.html",
		"../up.html":            "http://example.com/up.html",
		"../../../up.html":      "http://example.com/up.html",
		"./":                    "http://example.com/dir/",
		"..":                    "http://example.com/",
		"a/./b/../c":            "http://example.com/dir/a/c",
		"/root":                 "http://example.com/root",
		"//other.org/x":         "http://other.org/x",
		"http://example.com/y":  "http://example.com/y",
		"http://example.com":    "http://example.com/",
		"http:rel":              "http://example.com/dir/rel",
		"a:b/c":                 "",
		"mailto:x@y":            "",
		"JavaScript:void(0)":    "",
		"a?b/../c":              "http://example.com/dir/a?b/../c",
		"a/:b":                  "http://example.com/dir/a/:b",
		"%7Ea":                  "http://example.com/dir/%7Ea",
		"/a//../b":              "http://example.com/a/b",
		"http://example.comx/a": "http://example.comx/a",
	} {
		u, err := base.Resolve(href)
		if want == "" {
			require.ErrorIs(t, err, urlkey.ErrScheme, href)
			continue
		}
		require.NoError(t, err, href)
		require.Equal(t, want, u.URL, href)
	}
}

// The web platform's own cases, which ship with the parser's module.
func TestParse_WebPlatformCases(t *testing.T) {
	t.Parallel()
	var cases []json.RawMessage
	require.NoError(t, json.Unmarshal(webPlatformCases(t), &cases))
	good, bad := 0, 0
	for _, raw := range cases {
		var c struct {
			Input, Href string
			Base        *string
			Failure     bool
		}
		if json.Unmarshal(raw, &c) != nil { // a comment
			continue
		}
		if c.Base != nil {
			page, err := urlkey.Parse(*c.Base)
			if err != nil {
				continue
			}
			got, err := urlkey.NewBase(page).Resolve(c.Input)
			checkCase(t, c.Input, c.Href, c.Failure, got, err)
		} else {
			got, err := urlkey.Parse(c.Input)
			checkCase(t, c.Input, c.Href, c.Failure, got, err)
		}
		if c.Failure {
			bad++
		} else {
			good++
		}
	}
	require.Greater(t, good, 200)
	require.Greater(t, bad, 200)
}

func checkCase(t *testing.T, input, href string, failure bool, got urlkey.URL, err error) {
	t.Helper()
	if failure {
		require.Error(t, err, "%q", input)
		return
	}
	if !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "https://") {
		require.ErrorIs(t, err, urlkey.ErrScheme, "%q", input)
		return
	}
	require.NoError(t, err, "%q", input)
	want, werr := whatwg.Parse(href)
	require.NoError(t, werr)
	want.SetUsername("")
	want.SetPassword("")
	if strings.Contains(want.Href(true), "%") {
		return // escapes are ours, TestParse_Keys has them
	}
	require.Equal(t, want.Href(true), got.URL, "%q", input)
}

func webPlatformCases(t *testing.T) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/nlnwa/whatwg-url").Output()
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "testdata", "urltestdata.json"))
	require.NoError(t, err)
	return b
}

// The short way has to give what the parser gives, for every link.
func FuzzResolve_ShortWayIsTheParsersWay(f *testing.F) {
	for _, s := range []string{
		"", "a", "../a", "/a/./b", "?q", "#f", "a?b=c&d", "http://h.example/x", "a:b", "%41", "/..", "/.x/..y/...",
		"a//..", "/a/..?b", "http:x", "https://a-b.example", "http://a.b?c", "http://0.0x1/", "http://x-.y--z/", "http://h.example:80/", "./a:b", "%2e%2e/x", "/a;b=c,d@e", "*", "..", ".", "x/..", "@", "//", "///a",
	} {
		f.Add(s)
	}
	page, err := urlkey.Parse("http://h.example/dir/sub/page?x=1")
	require.NoError(f, err)
	base := urlkey.NewBase(page)
	f.Fuzz(func(t *testing.T, href string) {
		got, err := base.Resolve(href)
		want, werr := whatwg.ParseRef(page.URL, href)
		if err != nil {
			if errors.Is(err, urlkey.ErrScheme) && werr == nil {
				require.NotContains(t, []string{"http", "https"}, want.Scheme())
			}
			return
		}
		require.NoError(t, werr)
		again, err := urlkey.Parse(want.Href(true))
		require.NoError(t, err)
		require.Equal(t, again.URL, got.URL, "%q", href)
		require.Equal(t, again.Key, got.Key, "%q", href)
	})
}
