package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// A crawler that has nothing but the gateway serves tickets as any other does.
func TestGateway_ServesATicketEndToEnd(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"beside the worker": {Gateway: true},
		"under dev":         {Gateway: true, Dev: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := own(t, o)
			s := site(t, sample.Options{})
			a := f.NewTenant(t, fleet.Plan{})
			k := a.Submit(fleet.TicketInput{URLs: []string{s.ShopURL("/")}, Scope: fleet.Scope{MaxPages: 20}})
			require.EqualValues(t, 20, k.End().Counters.Fetched)
			again := a.Submit(page(s.ShopURL("/")))
			again.Done()
			crawler := a.Crawlers(true)[0]
			for _, p := range k.Pages() {
				if p.Outcome == fleet.PageFetched {
					require.Equal(t, crawler.Address, p.Address, "as the gateway sees it")
				}
			}
			require.Len(t, a.Crawlers(true), 1, "the second ticket was warm")
		})
	}
}
