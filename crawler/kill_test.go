package crawler_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// killedCrawler makes this test binary a crawler that can be killed: its value is the data
// plane's URL.
const (
	killedCrawler = "CRAWLER_KILLED"
	killedToken   = "CRAWLER_KILLED_TOKEN"
	killedEpoch   = "CRAWLER_KILLED_EPOCH"
)

// crawlToBeKilled is that process: one crawl over the data plane's HTTP.
func crawlToBeKilled(out io.Writer) error {
	plane, err := remote.New(remote.Options{
		URL: os.Getenv(killedCrawler), Token: fleet.Secret(os.Getenv(killedToken)), Patience: time.Minute,
	})
	if err != nil {
		return err
	}
	defer plane.Close()
	e := crawler.New(crawler.Options{
		DataPlane: plane, Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	defer e.Close()
	epoch, err := strconv.ParseInt(os.Getenv(killedEpoch), 10, 64)
	if err != nil {
		return err
	}
	r, err := e.Crawl(context.Background(), tenant, "t1", guid, epoch, nil)
	if err == nil {
		_, err = fmt.Fprintln(out, r.Outcome)
	}
	return err
}

// Ten crawlers are killed in the middle of it, at random moments; the eleventh ends the
// crawl. Every page is stored once, every URL has one end, and what was fetched again is
// what the lost ones had been handed.
func TestKill_TenCrawlersLoseNothing(t *testing.T) {
	t.Parallel()
	const pages, kills = 1500, 10
	s := newSite(t)
	for i := range pages { // a tree, with links back and to what is missing
		s.page(fmt.Sprintf("/p%d", i), fmt.Sprintf("/p%d", 3*i+1), fmt.Sprintf("/p%d", 3*i+2),
			fmt.Sprintf("/p%d", 3*i+3), fmt.Sprintf("/p%d", i/2), "/p0")
	}
	want := map[string]fleet.PageOutcome{}
	for i := range pages {
		for j := range 4 {
			want[fmt.Sprintf("%s/p%d", s.URL, 3*i+j)] = fleet.PageFailed
		}
	}
	for i := range pages {
		want[fmt.Sprintf("%s/p%d", s.URL, i)] = fleet.PageFetched
	}
	in := s.ticket("/p0")
	in.Fetch.Retries = new(int)
	r := newRows(t, in)
	url, token := serveRows(t, r)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
	killed := 0
	for kill := range kills {
		before := len(s.hits(""))
		c := startKilled(t, url, token, kill)
		// Between nothing at all and a good part of the site.
		until := before + random.IntN(len(want)/kills)
		require.Eventually(t, func() bool { return len(s.hits("")) >= until || c.ended() }, generous, time.Millisecond)
		require.NoError(t, c.cmd.Process.Kill())
		if err := <-c.done; err != nil {
			killed++
		}
	}
	require.Greater(t, killed, kills/2, "most were killed before they had ended")
	require.NoError(t, <-startKilled(t, url, token, kills).done)

	counters, _, err := r.Progress(t.Context(), tenant, "t1")
	require.NoError(t, err)
	require.True(t, counters.Balanced(), "%+v", counters)
	require.EqualValues(t, len(want), counters.Discovered)
	require.EqualValues(t, pages, counters.Fetched)
	require.EqualValues(t, len(want)-pages, counters.Failed)
	got := map[string]fleet.PageOutcome{}
	for after := int64(0); ; {
		list, err := r.Pages(t.Context(), tenant, "t1", after, 10_000)
		require.NoError(t, err)
		if len(list) == 0 {
			break
		}
		for _, p := range list {
			require.NotContains(t, got, p.URL, "stored twice")
			got[p.URL], after = p.Outcome, p.Seq
		}
	}
	require.Equal(t, want, got)
	again := len(s.hits("")) - len(want)
	require.LessOrEqual(t, int64(again), counters.Refetched, "only what was in flight is fetched again")
	require.LessOrEqual(t, again, kills*crawler.WindowSize(fleet.DefaultConcurrency))
}

// killed is a crawler's process.
type killed struct {
	cmd  *exec.Cmd
	done chan error
	over chan struct{}
}

func startKilled(t *testing.T, url string, token fleet.Secret, epoch int) *killed {
	t.Helper()
	k := &killed{cmd: exec.CommandContext(t.Context(), os.Args[0]), done: make(chan error, 1), over: make(chan struct{})}
	k.cmd.Env = append(os.Environ(), killedCrawler+"="+url, killedToken+"="+token.Reveal(),
		killedEpoch+"="+strconv.Itoa(epoch+1))
	require.NoError(t, k.cmd.Start())
	go func() {
		k.done <- k.cmd.Wait()
		close(k.over)
	}()
	return k
}

func (k *killed) ended() bool {
	select {
	case <-k.over:
		return true
	default:
		return false
	}
}

// held is a control store in which every lease is held.
type held struct{ *rows }

func (h held) Claimable(
	_ context.Context, _ fleet.TenantID, id fleet.TicketID, _ fleet.GUID, _ int64,
) (fleet.TicketInput, error) {
	return h.specs[id], nil
}

// serveRows serves a tenant's database as the real data plane does.
func serveRows(t *testing.T, r *rows) (url string, token fleet.Secret) {
	t.Helper()
	const secret = fleet.Secret("a secret of this test only")
	h, err := dataplane.New(dataplane.Options{
		Data: r.Store, Leases: held{r}, Tokens: dataplane.Tokens{Fleet: "f1", Secret: secret},
	})
	require.NoError(t, err)
	s := &dataplane.Server{Handler: h}
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	return s.URL(), dataplane.Token(secret, fleet.Key{Fleet: "f1", Tenant: tenant, GUID: guid})
}
