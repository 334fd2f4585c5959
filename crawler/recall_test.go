package crawler_test

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// Real manuals, served on loopback: what there is to find is computed from the files by
// a breadth-first search that has nothing in common with the crawler.
func TestRecall_OfRealManuals(t *testing.T) {
	t.Parallel()
	for debian, dir := range map[string]string{
		"postgresql-doc-15": "/usr/share/doc/postgresql-doc-15/html", "git-doc": "/usr/share/doc/git-doc",
	} {
		t.Run(debian, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(dir); err != nil {
				require.FailNow(t, debian+" is not installed", "apt-get install %s: %v", debian, err)
			}
			s := sample.NewFileSite(dir, sample.FileOptions{})
			require.NoError(t, s.Start(t.Context()))
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
				defer cancel()
				require.NoError(t, s.Stop(ctx))
			}()
			truth, err := s.Truth("index.html")
			require.NoError(t, err)
			require.NotEmpty(t, truth.Pages)

			rows, none := newStored(t), fleet.Duration(0)
			in := fleet.TicketInput{
				Tenant: tenant, ID: "t1", URLs: []string{s.URL("index.html")},
				Fetch: fleet.FetchOptions{Delay: &none, Concurrency: 16},
			}
			r, pages := rows.run(t, in)
			require.Equal(t, fleet.OutcomeDone, r.Outcome)
			require.Zero(t, r.Counters.Cut, "an honest site has no traps")
			ends := map[fleet.PageOutcome][]string{}
			for u, p := range pages {
				require.Equal(t, 1, s.Count(spelling(t, u)), "requests for %s", u)
				ends[p.Outcome] = append(ends[p.Outcome], spelling(t, u))
			}
			require.ElementsMatch(t, spellings(t, slices.Concat(truth.Pages, truth.Files)), ends[fleet.PageFetched], "everything that can be reached, and no orphan")
			require.ElementsMatch(t, spellings(t, truth.Broken), ends[fleet.PageFailed])
			require.Len(t, ends[fleet.PageRedirected], len(truth.Redirects))

			// And once more: what has not changed is not sent.
			in.ID, in.Recrawl = "t2", &fleet.Recrawl{Of: "t1"}
			again, _ := rows.run(t, in)
			require.Equal(t, r.Counters.Fetched, again.Counters.NotModified)
			require.Zero(t, again.Counters.Fetched)
			require.Equal(t, r.Counters.Discovered, again.Counters.Discovered+int64(countUnseen(pages)))
		})
	}
}

// countUnseen are the URLs that a recrawl has no way to: those that only unchanged pages
// lead to, and that were not pages.
func countUnseen(pages map[string]fleet.PageRow) (n int) {
	for _, p := range pages {
		if p.Outcome != fleet.PageFetched && p.Depth > 0 {
			n++
		}
	}
	return n
}

func spelling(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	u.RawPath = ""
	return strings.ReplaceAll(u.String(), "%7E", "~")
}

func spellings(t *testing.T, urls []string) []string {
	t.Helper()
	out := make([]string, len(urls))
	for i, u := range urls {
		out[i] = spelling(t, u)
	}
	return out
}
