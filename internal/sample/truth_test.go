package sample

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTruth_AgreesWithANaiveCrawl(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	hosts := s.Hosts()
	for name, tc := range map[string]struct {
		scope Scope
		crawl *naive
	}{
		"all":       {Scope{}, newNaive(t, hosts, "crawlfleet", noLimit)},
		"others":    {Scope{Agent: "otherbot"}, newNaive(t, hosts, "*", noLimit)},
		"shop":      {Scope{Hosts: hosts[:1]}, newNaive(t, hosts[:1], "crawlfleet", noLimit)},
		"depth 0":   {Scope{MaxDepth: new(0)}, newNaive(t, hosts, "crawlfleet", 0)},
		"depth 1":   {Scope{MaxDepth: new(1)}, newNaive(t, hosts, "crawlfleet", 1)},
		"depth 2":   {Scope{MaxDepth: new(2)}, newNaive(t, hosts, "crawlfleet", 2)},
		"no robots": {Scope{IgnoreRobots: true, MaxDepth: new(4)}, newNaive(t, hosts, "", 4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.crawl.t = t
			want, err := s.Truth(tc.scope)
			require.NoError(t, err)
			require.Equal(t, want, tc.crawl.crawl(s.URL()))
			for url, heading := range tc.crawl.titles {
				page, ok := s.Page(url)
				require.True(t, ok, url)
				require.Equal(t, page.Heading, heading)
			}
		})
	}
}

func TestTruth_AgreesOnTwoPortsOfOneAddress(t *testing.T) {
	t.Parallel()
	options := quick()
	options.Hosts = []string{"127.0.0.1:0", "127.0.0.1:0"}
	s := started(t, options)
	want, err := s.Truth(Scope{})
	require.NoError(t, err)
	require.Equal(t, want, newNaive(t, s.Hosts(), "crawlfleet", noLimit).crawl(s.URL()))
	one, err := s.Truth(Scope{Hosts: s.Hosts()[:1]})
	require.NoError(t, err)
	require.Less(t, len(one.Pages), len(want.Pages), "the other port is another host")
}

func TestTruth_OfSeeds(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	seeds := []string{s.ShopURL(MazePath), s.JournalURL("/colophon")}
	want, err := s.Truth(Scope{Seeds: seeds, MaxDepth: new(2)})
	require.NoError(t, err)
	require.Equal(t, want, newNaive(t, s.Hosts(), "crawlfleet", 2).crawl(seeds...))
	require.Contains(t, want.Pages, s.ShopURL("/maze/1/2/3"))
	require.NotContains(t, want.Pages, s.ShopURL("/maze/1/2/3/4"))
}

func TestTruth_TrapWithoutALimitIsAnError(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	for _, scope := range []Scope{{IgnoreRobots: true}, {Seeds: []string{s.ShopURL(MazePath)}}} {
		_, err := s.Truth(scope)
		require.ErrorContains(t, err, "MaxDepth")
	}
}

func TestTruth_RobotsGroupsDifferBothWays(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	ours, err := s.Truth(Scope{})
	require.NoError(t, err)
	others, err := s.Truth(Scope{Agent: "otherbot"})
	require.NoError(t, err)
	for _, p := range []struct {
		url        string
		us, others bool
	}{
		{s.ShopURL("/clearance/"), true, false},
		{s.ShopURL("/drafts/press-kit"), true, true},
		{s.ShopURL("/drafts/spring-catalogue"), false, true},
		{s.ShopURL("/cart"), false, false},
	} {
		require.Equal(t, p.us, slices.Contains(ours.Pages, p.url), p.url)
		require.Equal(t, !p.us, slices.Contains(ours.Blocked, p.url), p.url)
		require.Equal(t, p.others, slices.Contains(others.Pages, p.url), p.url)
	}
}

func TestTruth_ListsAreDisjoint(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	truth, err := s.Truth(Scope{Hosts: s.Hosts()[:1]})
	require.NoError(t, err)
	require.Len(t, truth.Requested(),
		len(truth.Pages)+len(truth.Files)+len(truth.Broken)+len(truth.Redirects))
	all := slices.Concat(truth.Requested(), truth.Blocked, truth.OutOfScope)
	slices.Sort(all)
	require.Len(t, slices.Compact(slices.Clone(all)), len(all))
	require.True(t, slices.ContainsFunc(truth.OutOfScope, func(u string) bool {
		return strings.HasPrefix(u, s.JournalURL("/stories/"))
	}))
}
