package tenantdb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// BenchmarkExchange prints pages a second of one crawler with 20 links on each page: in a
// site whose pages link to each other, as most do (one link of the 20 is new), and in
// one where every link is new.
func BenchmarkExchange(b *testing.B) {
	for _, bench := range []struct {
		name string
		pool int // new URLs for each page; the rest of the 20 links are known
	}{{"site", 1}, {"tree", 20}} {
		for _, size := range []int{8, 64} {
			name := fmt.Sprintf("%s/batch=%d", bench.name, size)
			b.Run("sqlite/"+name, func(b *testing.B) {
				benchmarkExchange(b, tenantdb.Options{Dir: b.TempDir()}, bench.pool, size)
			})
			b.Run("postgres/"+name, func(b *testing.B) {
				benchmarkExchange(b, onDatabase(pgtest.Schema(b), nil), bench.pool, size)
			})
		}
	}
}

func benchmarkExchange(b *testing.B, o tenantdb.Options, fresh, size int) {
	s, err := tenantdb.Open(o)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Shutdown()) }()
	require.NoError(b, s.Create(b.Context(), "acme"))
	depth := 1 << 30 // in "site" each page names the next: a deep chain
	spec := fleet.TicketInput{Scope: fleet.Scope{MaxPages: 1 << 40, MaxDepth: &depth}}
	claim, err := s.Claim(b.Context(), fleet.ClaimRequest{Tenant: "acme", Ticket: "t", Epoch: 1}, spec)
	require.NoError(b, err)
	next, seq := 0, int64(0)
	link := func(i int) fleet.Link {
		u := fmt.Sprintf("http://site.test/some/folder/of/pages/page-%d.html", i)
		return fleet.Link{URL: u, Key: u}
	}
	r := fleet.ExchangeRequest{Tenant: "acme", Ticket: "t", Fence: claim.Fence, Want: size}
	for ; next < 2*size; next++ {
		r.Seeds = append(r.Seeds, link(next))
	}
	pages := 0
	b.ResetTimer()
	for b.Loop() {
		seq++
		r.Seq = seq
		a, err := s.Exchange(b.Context(), r)
		require.NoError(b, err)
		require.Len(b, a.Work, size)
		r.Pages, r.Seeds = r.Pages[:0], nil
		for _, u := range a.Work {
			p := fleet.PageResult{
				ID: u.ID, URL: u.URL, Outcome: fleet.PageFetched, Status: 200, Bytes: 14_000,
				ContentType: "text/html; charset=utf-8", Title: "A page with a title of usual length",
				SHA256:  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
				Address: "127.0.0.5", FetchedAt: time.Now(), Took: fleet.Duration(5 * time.Millisecond),
			}
			for i := range 20 {
				if i < fresh {
					p.Links = append(p.Links, link(next))
					next++
				} else {
					p.Links = append(p.Links, link((pages*7+i*13)%next))
				}
			}
			r.Pages = append(r.Pages, p)
			pages++
		}
	}
	b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
}
