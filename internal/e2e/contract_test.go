package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// A fleet of its own: its places cool down.
func TestCrawler_OfAnotherContractVersionGetsNoTicketAndTheTicketSaysWhy(t *testing.T) {
	t.Parallel()
	f := own(t, Options{})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	other := filepath.Join(f.Dir, "crawlfleet-crawler-99")
	require.NoError(t, the.programs.CrawlerOfContract(t.Context(), other, 99))
	require.NoError(t, f.UseCrawler(other))

	k := a.Submit(page(s.ShopURL("/about")))
	row := k.await("to say that the crawler speaks another contract", func(r fleet.TicketRow) bool {
		return r.Wait != nil && strings.Contains(r.Wait.Message, "contract") && strings.Contains(r.Wait.Message, "99")
	})
	said := f.Crawlfleet(t, "", "ticket", "explain", string(k.Name), "-t", string(a.ID)).OK(t)
	require.Contains(t, said.Out, "99", "and so does explain: %s", row.Wait.Message)
	require.Empty(t, s.Log(), "it got no ticket")

	require.NoError(t, f.UseCrawler(the.programs.Crawler))
	k.Done() // the cool-down over, the right one is started and takes it
	for _, c := range a.Crawlers(true) {
		if c.Served == 0 {
			require.Contains(t, c.Reason, "contract")
		}
	}
}
