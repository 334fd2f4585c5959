package sample

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// noLimit is deeper than the site.
const noLimit = 1000

// naive is a crawler that shares nothing with the package: it asks, parses and resolves.
type naive struct {
	t      *testing.T
	client *http.Client
	hosts  []string
	agent  string // group of robots.txt to obey; empty obeys none
	depth  int
	rules  map[string][][2]string
	seen   map[string]bool
	got    Truth
	titles map[string]string
}

func newNaive(t *testing.T, hosts []string, agent string, depth int) *naive {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &naive{
		t: t, hosts: hosts, agent: agent, depth: depth,
		rules: map[string][][2]string{}, seen: map[string]bool{}, titles: map[string]string{},
		got: Truth{Redirects: map[string]string{}},
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request,
			[]*http.Request,
		) error {
			return http.ErrUseLastResponse
		}},
	}
}

// crawl visits level by level; the target of a redirect is on the level of the redirect.
func (n *naive) crawl(seeds ...string) Truth {
	level := seeds
	for depth := 0; len(level) > 0; depth++ {
		var next []string
		for i := 0; i < len(level); i++ {
			links, hop := n.visit(level[i])
			level = append(level, hop...)
			if depth < n.depth {
				next = append(next, links...)
			}
		}
		level = next
	}
	for _, list := range [][]string{
		n.got.Pages, n.got.Files, n.got.Broken, n.got.Blocked,
		n.got.OutOfScope,
	} {
		slices.Sort(list)
	}
	return n.got
}

func (n *naive) visit(raw string) (links, hop []string) {
	u, err := url.Parse(raw)
	require.NoError(n.t, err)
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, nil
	}
	key := canonicalForTest(u)
	if n.seen[key] {
		return nil, nil
	}
	n.seen[key] = true
	switch {
	case !slices.Contains(n.hosts, strings.ToLower(u.Host)):
		n.got.OutOfScope = append(n.got.OutOfScope, key)
		return nil, nil
	case n.forbidden(key):
		n.got.Blocked = append(n.got.Blocked, key)
		return nil, nil
	}
	// The spelling is fetched as it was written, so that the site has to understand it.
	status, header, body := n.get(u.String())
	if status == http.StatusInternalServerError {
		status, header, body = n.get(u.String())
	}
	switch {
	case status >= 300 && status < 400:
		to, err := u.Parse(header.Get("Location"))
		require.NoError(n.t, err)
		n.got.Redirects[key] = canonicalForTest(to)
		return nil, []string{to.String()}
	case status != http.StatusOK:
		n.got.Broken = append(n.got.Broken, key)
		return nil, nil
	case !strings.HasPrefix(header.Get("Content-Type"), "text/html"):
		n.got.Files = append(n.got.Files, key)
		return nil, nil
	}
	n.got.Pages = append(n.got.Pages, key)
	return n.links(key, u, body), nil
}

func (n *naive) links(key string, base *url.URL, body string) []string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			for _, a := range token.Attr {
				if a.Key != "href" || token.Data != "a" && token.Data != "base" {
					continue
				}
				to, err := base.Parse(strings.TrimSpace(a.Val))
				require.NoError(n.t, err, "%s: %q", key, a.Val)
				if token.Data == "base" {
					base = to
					continue
				}
				out = append(out, to.String())
			}
			if token.Data == "h1" {
				z.Next()
				n.titles[key] = html.UnescapeString(string(z.Text()))
			}
		}
	}
}

func (n *naive) get(url string) (int, http.Header, string) {
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, url, nil)
	require.NoError(n.t, err)
	req.Header.Set("User-Agent", "naive/1")
	resp, err := n.client.Do(req)
	require.NoError(n.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(n.t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// forbidden reads robots.txt line by line: the group of the agent, the longest prefix.
func (n *naive) forbidden(key string) bool {
	if n.agent == "" {
		return false
	}
	u, err := url.Parse(key)
	require.NoError(n.t, err)
	if _, ok := n.rules[u.Host]; !ok {
		n.rules[u.Host] = [][2]string{}
		status, _, body := n.get("http://" + u.Host + "/robots.txt")
		group := ""
		for line := range strings.Lines(body) {
			word, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if word == "User-agent" {
				group = value
			}
			if status == http.StatusOK && group == n.agent && (word == "Allow" || word == "Disallow") {
				n.rules[u.Host] = append(n.rules[u.Host], [2]string{word, value})
			}
		}
	}
	best := [2]string{}
	for _, rule := range n.rules[u.Host] {
		if strings.HasPrefix(u.RequestURI(), rule[1]) && len(rule[1]) > len(best[1]) {
			best = rule
		}
	}
	return best[0] == "Disallow"
}

// canonicalForTest is the canonical URL by other means than the package's own.
func canonicalForTest(u *url.URL) string {
	path := u.JoinPath().Path // resolves dots
	c := url.URL{
		Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host),
		Path: path, RawQuery: u.RawQuery,
	}
	if c.Path == "" {
		c.Path = "/"
	}
	return c.String()
}
