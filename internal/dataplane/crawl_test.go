package dataplane_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// ownAddress is a source address of a crawler: only Linux has all of 127/8.
func ownAddress() netip.Addr {
	if runtime.GOOS == "linux" {
		return anyLoopback
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// sitePages is the size of the site: page n links to 2n+1 and 2n+2, and to the first.
const sitePages = 200

func siteLinks(url string) []fleet.Link {
	var n int
	_, _ = fmt.Sscanf(url, "/%d", &n)
	var list []fleet.Link
	for _, m := range []int{2*n + 1, 2*n + 2, 0} {
		if m < sitePages {
			u := fmt.Sprintf("/%d", m)
			list = append(list, fleet.Link{URL: u, Key: u})
		}
	}
	return list
}

// crawl works through the site as a crawler does and answers the end.
func crawl(ctx context.Context, c *remote.Client, each func(batch int)) (fleet.ExchangeAnswer, error) {
	claim, err := c.Claim(ctx, claimRequest())
	if err != nil {
		return fleet.ExchangeAnswer{}, err
	}
	r := fleet.ExchangeRequest{Tenant: "acme", Ticket: "t-1", GUID: guid, Fence: claim.Fence, Want: 8}
	if claim.Seed {
		r.Seeds = []fleet.Link{{URL: "/0", Key: "/0"}}
	}
	work := claim.Work
	for batch := 1; ; batch++ {
		each(batch)
		r.Seq++
		r.Pages = nil
		for _, u := range work {
			r.Pages = append(r.Pages, fleet.PageResult{
				ID: u.ID, URL: u.URL, Outcome: fleet.PageFetched, Status: 200, Bytes: 1, Links: siteLinks(u.URL),
			})
		}
		a, err := c.Exchange(ctx, r)
		if err != nil || a.Next != fleet.NextGo {
			return a, err
		}
		r.Seeds, work = nil, a.Work
	}
}

func (p *place) requireWholeSite(a fleet.ExchangeAnswer) {
	p.t.Helper()
	require.Equal(p.t, fleet.NextEnd, a.Next)
	require.Equal(p.t, fleet.OutcomeDone, a.Outcome)
	require.Equal(p.t,
		fleet.Counters{Discovered: sitePages, Fetched: sitePages, Bytes: sitePages}, a.Counters)
	rows, err := p.data.Pages(p.t.Context(), "acme", "t-1", 0, 10*sitePages)
	require.NoError(p.t, err)
	seen := map[string]bool{}
	for _, r := range rows {
		require.False(p.t, seen[r.URL], "%s is stored twice", r.URL)
		seen[r.URL] = true
	}
	require.Len(p.t, seen, sitePages)
}

func TestCrawl_OverHTTP(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, err := crawl(t.Context(), p.client(), func(int) {})
	require.NoError(t, err)
	p.requireWholeSite(a)
}

// Every third answer is lost after it has been applied: the connection is cut. The
// counters show that nothing was fetched twice either.
func TestCrawl_SurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.stop()
	var calls, lost atomic.Int64
	p.start("", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1)%3 != 0 {
				h.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			lost.Add(1)
			panic(http.ErrAbortHandler)
		})
	})
	a, err := crawl(t.Context(), p.client(), func(int) {})
	require.NoError(t, err)
	p.requireWholeSite(a)
	require.Greater(t, lost.Load(), int64(5))
}

// The server is started again when the crawler has noticed that it is away.
func TestCrawl_SurvivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	addr := strings.TrimPrefix(p.server.URL(), "http://")
	away, started := make(chan struct{}), make(chan error, 1)
	noticed := sync.OnceFunc(func() { close(away) })
	c := p.client(func(o *remote.Options) {
		o.Log = zap.New(zapcore.NewNopCore(), zap.WrapCore(func(zapcore.Core) zapcore.Core {
			return zapcore.RegisterHooks(p.options.Log.Core(), func(zapcore.Entry) error { noticed(); return nil })
		}))
	})
	a, err := crawl(t.Context(), c, func(batch int) {
		if batch != 10 {
			return
		}
		p.stop()
		go func() {
			<-away
			next := &dataplane.Server{Handler: p.handler(), Addr: addr}
			err := next.Start(context.WithoutCancel(t.Context()))
			p.server = next
			started <- err
		}()
	})
	require.NoError(t, <-started)
	require.NoError(t, err)
	p.requireWholeSite(a)
}

func TestCrawl_StopsWhenTheLeaseMoves(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, err := crawl(t.Context(), p.client(), func(batch int) {
		if batch == 5 {
			require.NoError(t, p.data.Raise(t.Context(), "acme", "t-1", 2))
		}
	})
	require.NoError(t, err)
	require.Equal(t, fleet.NextStop, a.Next)
	_, err = p.client().Claim(t.Context(), claimRequest())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	p.lease.epoch.Store(2)
	r := claimRequest()
	r.Epoch = 2
	claim, err := p.client().Claim(t.Context(), r)
	require.NoError(t, err)
	require.NotEmpty(t, claim.Work)
	require.Positive(t, claim.Counters.Refetched)
}
