package e2e

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// manual serves an installed manual. One that is not installed is a failure that names
// the package.
func manual(t *testing.T, dir, debian string) *sample.FileSite {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		require.FailNow(t, debian+" is not installed", "apt-get install %s: %v", debian, err)
	}
	s := sample.NewFileSite(dir, sample.FileOptions{})
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

// htmlOf are the fetched pages that are HTML, in one spelling.
func htmlOf(k *Ticket) []string {
	k.t.Helper()
	var out []string
	for _, p := range k.Pages() {
		if p.Outcome == fleet.PageFetched && strings.HasPrefix(p.ContentType, "text/html") {
			out = append(out, p.URL)
		}
	}
	return spelled(out)
}

// spelled writes URLs with no more escapes than they need: a page is stored as it was
// found, in whatever spelling.
func spelled(urls []string) []string {
	out := make([]string, len(urls))
	for i, text := range urls {
		out[i] = text
		if u, err := url.Parse(text); err == nil {
			u.RawPath = ""
			out[i] = u.String()
		}
	}
	return out
}

// crawl crawls a whole site from its index.
func (a *Tenant) crawl(s *sample.FileSite, index string) *Ticket {
	k := a.Submit(fleet.TicketInput{URLs: []string{s.URL(index)}})
	k.Done()
	return k
}

func TestSite_PostgreSQLManualIsFetchedWholeAndOnce(t *testing.T) {
	t.Parallel()
	f, s := shared(t), manual(t, "/usr/share/doc/postgresql-doc-15/html", "postgresql-doc-15")
	a := f.NewTenant(t, fleet.Plan{})
	k := a.crawl(s, "index.html")
	truth, err := s.Truth("index.html")
	require.NoError(t, err)
	require.Len(t, truth.Pages, 1169)
	require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k), "each page is stored once")
	for _, page := range truth.Pages {
		require.Equal(t, 1, s.Count(page), "requests for %s", page)
	}
	r := *k.Row().Result
	require.True(t, r.Counters.Balanced(), show(r.Counters))
	require.EqualValues(t, len(truth.Broken), r.Counters.Failed)
	t.Logf("%d pages in %s", r.Counters.Fetched, r.Times.Ended.Sub(r.Times.Accepted))
}

func TestSite_GitManualLeavesOrphansAloneAndCountsWhatIsBroken(t *testing.T) {
	t.Parallel()
	f, s := shared(t), manual(t, "/usr/share/doc/git-doc", "git-doc")
	a := f.NewTenant(t, fleet.Plan{})
	k := a.crawl(s, "index.html")
	truth, err := s.Truth("index.html")
	require.NoError(t, err)
	require.Len(t, truth.Pages, 218)
	require.Len(t, truth.Orphans, 24)
	require.Len(t, truth.Broken, 1)
	require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k))
	for _, orphan := range truth.Orphans {
		require.Zero(t, s.Count(orphan), orphan)
	}
	require.Equal(t, truth.Broken, k.Fetched(fleet.PageFailed))
	require.EqualValues(t, 1, k.Row().Result.Counters.Failed)
}
