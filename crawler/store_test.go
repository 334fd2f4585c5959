package crawler_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// stored is the real frontier, a tenant's database in a file, without HTTP in between.
type stored struct {
	*tenantdb.Store
	mu    sync.Mutex
	specs map[fleet.TicketID]fleet.TicketInput
}

func newStored(t testing.TB) *stored {
	t.Helper()
	s, err := tenantdb.Open(tenantdb.Options{Dir: t.TempDir(), Clock: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Shutdown()) })
	require.NoError(t, s.Create(t.Context(), tenant))
	return &stored{Store: s, specs: map[fleet.TicketID]fleet.TicketInput{}}
}

// Claim implements crawler.DataPlane.
func (s *stored) Claim(ctx context.Context, r fleet.ClaimRequest) (fleet.ClaimAnswer, error) {
	s.mu.Lock()
	spec := s.specs[r.Ticket]
	s.mu.Unlock()
	return s.Store.Claim(ctx, r, spec)
}

// run crawls a ticket to its end and gives its pages by URL.
func (s *stored) run(
	t testing.TB, in fleet.TicketInput,
) (fleet.CrawlResult, map[string]fleet.PageRow) {
	t.Helper()
	return s.runUnder(t, in, 1)
}

// add makes a ticket known.
func (s *stored) add(t testing.TB, in fleet.TicketInput) {
	t.Helper()
	in, err := in.Normalise()
	require.NoError(t, err)
	if in.Scope.MaxPages == 0 {
		in.Scope.MaxPages = 1_000_000
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.specs[in.ID] = in
}

// runUnder is run for a lease that may not be the ticket's first.
func (s *stored) runUnder(
	t testing.TB, in fleet.TicketInput, epoch int64,
) (fleet.CrawlResult, map[string]fleet.PageRow) {
	t.Helper()
	s.add(t, in)
	r, err := newEngine(t, s).Crawl(t.Context(), tenant, in.ID, guid, epoch, func(c fleet.Counters) {
		require.True(t, c.Balanced(), "%+v", c)
	})
	require.NoError(t, err)
	pages := map[string]fleet.PageRow{}
	for after := int64(0); ; {
		list, err := s.Pages(t.Context(), tenant, in.ID, after, 1000)
		require.NoError(t, err)
		if len(list) == 0 {
			return r, pages
		}
		for _, p := range list {
			require.NotContains(t, pages, p.URL, "stored twice")
			pages[p.URL], after = p, p.Seq
		}
	}
}
