package tenantdbtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Compete lets crawlers take one crawl from each other at the same time, each under a
// newer lease, until it has ended: every page is stored once, whoever stored it.
func Compete(t *testing.T, open Factory) {
	const pages, crawlers = 300, 4
	w := newWorld(t, open)
	var epochs atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, crawlers)
	for range crawlers {
		wg.Go(func() { errs <- compete(t, w, &epochs, pages) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	for _, p := range w.pages(t) {
		require.False(t, seen[p.URL], "%s is stored twice", p.URL)
		seen[p.URL] = true
	}
	require.Len(t, seen, pages)
	n, _, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.EqualValues(t, pages, n.Fetched)
	require.EqualValues(t, pages, n.Discovered)
}

// compete claims, works for a few batches, and claims again when it has been overtaken.
func compete(t *testing.T, w *world, epochs *atomic.Int64, pages int) error {
	for {
		a, err := w.Claim(t.Context(), fleet.ClaimRequest{
			Tenant: tenant, Ticket: ticket, Epoch: epochs.Add(1), Want: 4,
		}, wide())
		if fleet.CodeOf(err) == fleet.CodeFenced {
			continue
		}
		if err != nil || a.Outcome != "" {
			return err
		}
		r := fleet.ExchangeRequest{Tenant: tenant, Ticket: ticket, Fence: a.Fence, Want: 4}
		if a.Seed {
			r.Seeds = links("0")
		}
		for work, next := a.Work, fleet.NextGo; next == fleet.NextGo && r.Seq < 20; {
			r.Seq++
			r.Pages = nil
			for _, u := range work {
				var n int
				if _, err := fmt.Sscan(u.URL, &n); err != nil {
					return err
				}
				var to []string
				for m := 3*n + 1; m <= 3*n+3 && m < pages; m++ {
					to = append(to, fmt.Sprint(m))
				}
				r.Pages = append(r.Pages, fetched(u, to...))
			}
			b, err := w.Exchange(t.Context(), r)
			if err != nil {
				return err
			}
			if !b.Counters.Balanced() {
				return fmt.Errorf("%+v does not add up", b.Counters)
			}
			r.Seeds, work, next = nil, b.Work, b.Next
		}
	}
}
