package dataplane_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// every is a control store in which every lease is held.
type every struct{ spec fleet.TicketInput }

func (e every) Claimable(
	context.Context, fleet.TenantID, fleet.TicketID, fleet.GUID, int64,
) (fleet.TicketInput, error) {
	return e.spec, nil
}

func benchPlace(b *testing.B) *remote.Client {
	b.Helper()
	data, err := tenantdb.Open(tenantdb.Options{Dir: b.TempDir()})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, data.Shutdown()) })
	require.NoError(b, data.Create(b.Context(), "acme"))
	depth := 1 << 30
	h, err := dataplane.New(dataplane.Options{
		Data: data, Tokens: dataplane.Tokens{Fleet: "f1", Secret: secret},
		Leases: every{fleet.TicketInput{Scope: fleet.Scope{MaxPages: 1 << 40, MaxDepth: &depth}}},
	})
	require.NoError(b, err)
	s := &dataplane.Server{Handler: http.Handler(h)}
	require.NoError(b, s.Start(b.Context()))
	b.Cleanup(func() { require.NoError(b, s.Stop(context.Background())) })
	c, err := remote.New(remote.Options{URL: s.URL(), Token: dataplane.Token(secret, keyOf("acme", guid))})
	require.NoError(b, err)
	b.Cleanup(c.Close)
	return c
}

// BenchmarkTicket is what the data plane adds to a warm ticket of one page: claim, seeds
// and the page, each one round trip and one commit.
func BenchmarkTicket(b *testing.B) {
	c := benchPlace(b)
	n := 0
	for b.Loop() {
		n++
		id := fleet.TicketID(fmt.Sprintf("t-%d", n))
		claim, err := c.Claim(b.Context(), fleet.ClaimRequest{
			Tenant: "acme", Ticket: id, GUID: guid, Epoch: 1, Want: 8,
		})
		require.NoError(b, err)
		r := fleet.ExchangeRequest{
			Tenant: "acme", Ticket: id, GUID: guid, Fence: claim.Fence, Seq: 1, Want: 8,
			Seeds: []fleet.Link{{URL: "http://a.test/", Key: "http://a.test/"}},
		}
		a, err := c.Exchange(b.Context(), r)
		require.NoError(b, err)
		r.Seq, r.Seeds = 2, nil
		r.Pages = []fleet.PageResult{{ID: a.Work[0].ID, Outcome: fleet.PageFetched, Status: 200}}
		a, err = c.Exchange(b.Context(), r)
		require.NoError(b, err)
		require.Equal(b, fleet.NextEnd, a.Next)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tickets/s")
}

// BenchmarkExchange prints pages a second of one crawler over HTTP, in batches of 32 with
// 20 links on each page, one of them new.
func BenchmarkExchange(b *testing.B) {
	const batch, linksPerPage = 32, 20
	c := benchPlace(b)
	claim, err := c.Claim(b.Context(), fleet.ClaimRequest{Tenant: "acme", Ticket: "t", GUID: guid, Epoch: 1})
	require.NoError(b, err)
	r := fleet.ExchangeRequest{Tenant: "acme", Ticket: "t", GUID: guid, Fence: claim.Fence, Want: batch}
	next, pages := 0, 0
	link := func(i int) fleet.Link {
		u := fmt.Sprintf("http://site.test/some/folder/of/pages/page-%d.html", i)
		return fleet.Link{URL: u, Key: u}
	}
	for ; next < 2*batch; next++ {
		r.Seeds = append(r.Seeds, link(next))
	}
	for b.Loop() {
		r.Seq++
		a, err := c.Exchange(b.Context(), r)
		require.NoError(b, err)
		r.Pages, r.Seeds = nil, nil
		for _, u := range a.Work {
			p := fleet.PageResult{
				ID: u.ID, URL: u.URL, Outcome: fleet.PageFetched, Status: 200, Bytes: 14_000,
				ContentType: "text/html; charset=utf-8", Title: "A page with a title of usual length",
				FetchedAt: time.Now(), Took: fleet.Duration(5 * time.Millisecond),
				Links: []fleet.Link{link(next)},
			}
			next++
			for i := range linksPerPage - 1 {
				p.Links = append(p.Links, link((pages*7+i*13)%next))
			}
			r.Pages = append(r.Pages, p)
			pages++
		}
	}
	b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
}
