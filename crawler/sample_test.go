package crawler_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// The bundled site has redirects, broken links, a flaky and a slow page, a trap and
// rules for robots, and knows what a crawl has to come to.
func TestEngine_ComesToTheTruthOfTheSampleSite(t *testing.T) {
	t.Parallel()
	s := sample.New(sample.Options{})
	require.NoError(t, s.Start(t.Context()))
	defer func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) }()
	truth, err := s.Truth(sample.Scope{})
	require.NoError(t, err)

	none := fleet.Duration(0)
	p := newPlane(fleet.TicketInput{
		Tenant: tenant, URLs: []string{s.URL()}, Scope: fleet.Scope{Hosts: s.Hosts()},
		Fetch: fleet.FetchOptions{Delay: &none},
	})
	r := crawl(t, p)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)

	found := map[fleet.PageOutcome][]string{}
	for _, page := range p.pages {
		u, err := urlkey.Parse(page.URL)
		require.NoError(t, err)
		found[page.Outcome] = append(found[page.Outcome], u.Key)
	}
	require.ElementsMatch(t, slices.Concat(truth.Pages, truth.Files), found[fleet.PageFetched])
	require.ElementsMatch(t, truth.Broken, found[fleet.PageFailed])
	require.ElementsMatch(t, truth.Blocked, found[fleet.PageSkipped])
	require.Len(t, found[fleet.PageRedirected], len(truth.Redirects))
}
