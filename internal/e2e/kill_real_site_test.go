package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestKill_CrawlerInTheMiddleOfARealSite(t *testing.T) {
	t.Parallel()
	const manual = "/usr/share/doc/postgresql-doc-15/html" // Debian's postgresql-doc-15
	// 1,169 pages, eight at a time: some six seconds.
	s := sample.NewFileSite(manual, sample.FileOptions{PageDelay: 40 * time.Millisecond})
	require.NoError(t, s.Start(t.Context()), "apt-get install postgresql-doc-15")
	t.Cleanup(func() { _ = s.Stop(context.Background()) }) // nobody asks it any more
	truth, err := s.Truth("index.html")
	require.NoError(t, err)
	require.Len(t, truth.Pages, 1169)

	d := &drill{Fleet: own(t, Options{}), t: t}
	d.witness = d.Watch(t.Context())
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 2})
	k := a.Submit(fleet.TicketInput{ID: "manual", URLs: []string{s.URL("index.html")}})
	d.expect(k, fleet.OutcomeDone)
	began := time.Now()
	Await(t, "half of the manual", func() (bool, string) { return len(s.Log()) > len(truth.Pages)/2, "less" })
	d.killCrawlerOf(k)
	k.Done()
	t.Logf("the manual was crawled in %s", time.Since(began).Round(time.Millisecond))
	d.rest()
	Check(t, d.Fleet, Evidence{
		Log: s.Log(), Truth: truth, Tickets: d.crawled(), Kills: d.losses, Alive: d.witness.Alive(),
		Key: func(url string) string { url, _, _ = strings.Cut(url, "#"); return url },
	})
}
