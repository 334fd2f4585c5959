package crawler_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// noPrivate allows no private network, and both families.
func noPrivate(o *crawler.Options) { o.Reach.AllowPrivate, o.IPv6 = nil, true }

func TestGuard_RefusesPrivateAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t) // listens on 127.0.0.1, so that a hole would be seen
	s.page("/")
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	for _, host := range []string{
		"127.0.0.1:" + u.Port(), "127.1:" + u.Port(), "0x7f.1:" + u.Port(),
		"2130706433:" + u.Port(), "0177.0.0.1:" + u.Port(), "[::ffff:127.0.0.1]:" + u.Port(),
		"[::ffff:7f00:1]:" + u.Port(),
		"localhost:" + u.Port(), "LOCALHOST:" + u.Port(),
		"[::1]:" + u.Port(), "0.0.0.0:" + u.Port(), "[::]:" + u.Port(),
		"169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1",
		"100.100.100.200", "168.63.129.16",
		"198.18.0.1", "224.0.0.1", "255.255.255.255",
		"[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			in := s.ticket("/")
			in.URLs = []string{"http://" + host + "/"}
			p := newPlane(in)
			r := crawl(t, p, noPrivate)
			require.Equal(t, fleet.OutcomeFailed, r.Outcome)
			require.Len(t, p.pages, 1)
			require.Regexp(t, `^ssrf: .* is a private address$`, p.pages[0].Reason)
			require.Zero(t, p.retries, "another try changes nothing")
		})
	}
	require.Empty(t, s.hits(""))
	require.Empty(t, s.hits("/robots.txt"))
}

func TestGuard_ChecksRedirects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/{$}", http.RedirectHandler("http://10.0.0.1/admin", http.StatusFound).ServeHTTP)
	in := s.ticket("/")
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	in.Scope.Hosts = []string{u.Host, "10.0.0.1"}
	p := newPlane(in)
	crawl(t, p)
	require.Equal(t, fleet.PageRedirected, p.page(s.URL+"/").Outcome)
	require.Equal(t, "ssrf: 10.0.0.1 is a private address", p.page("http://10.0.0.1/admin").Reason)
}

func TestGuard_RefusesOtherPorts(t *testing.T) {
	t.Parallel()
	in := newSite(t).ticket("/")
	in.URLs = []string{"http://8.8.8.8:25/"}
	p := newPlane(in)
	crawl(t, p, noPrivate)
	require.Equal(t, "ssrf: 8.8.8.8 is asked for on port 25", p.pages[0].Reason)
}

func TestGuard_OperatorAllowsExactlyWhatItSays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.page("/")
	for prefix, want := range map[string]fleet.Outcome{
		"127.0.0.1/32": fleet.OutcomeDone, "127.0.0.2/32": fleet.OutcomeFailed,
		"::1/128": fleet.OutcomeFailed,
	} {
		p := newPlane(s.ticket("/"))
		r := crawl(t, p, func(o *crawler.Options) {
			o.Reach.AllowPrivate = []netip.Prefix{netip.MustParsePrefix(prefix)}
		})
		require.Equal(t, want, r.Outcome, prefix)
	}
}
