package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// The wire from the control side to PostgreSQL, where all rows are, is cut in mid-crawl: once
// it goes on, once it has forgotten its connections. Crawlers on Nomad wait with what they hold;
// nothing is stored meanwhile and nothing twice. A ticket that comes meanwhile is taken by
// Temporal and ends.
func TestNomad_CutFromTheDatabaseOnly(t *testing.T) {
	t.Parallel()
	_, jobs, settings := node(t)
	_, at := postgres(t)
	through, err := url.Parse(at.Reveal())
	require.NoError(t, err)
	where := through.Query() // a socket's directory and its number
	wire, err := NewWire(loopback, filepath.Join(where.Get("host"), ".s.PGSQL."+where.Get("port")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, wire.Close()) })
	through.Host, through.RawQuery = wire.Address(), ""
	maps.Copy(settings, map[string]string{"store": through.String(), "crawler-orphan-after": "10m"})
	f := own(t, Options{Store: at, Settings: settings})
	s := site(t, sample.Options{PageDelay: slowly})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 3})
	in := fleet.TicketInput{URLs: []string{s.URL()}, Scope: fleet.Scope{Hosts: s.Hosts()}}
	crawls := []*Ticket{a.Submit(in), a.Submit(in)}
	guid := crawls[0].Leased().GUID
	stored := func() (n int) {
		for _, k := range crawls {
			n += len(k.Pages())
		}
		return n
	}
	more := func(than int, when string) {
		Await(t, "pages stored "+when, func() (bool, string) { n := stored(); return n > than, fmt.Sprint(n) })
	}
	more(0, "at first")
	for _, forgets := range []bool{false, true} {
		wire.Cut()
		before := settled(stored)
		if forgets {
			crawls = append(crawls, a.Submit(page(s.ShopURL("/about"))))
		}
		time.Sleep(8 * time.Second) // the outage itself
		assert.Equal(t, before, stored(), "stored while the wire is cut")
		require.Positive(t, wire.Held(), "nobody came up to the cut")
		if forgets {
			wire.Break()
		}
		wire.Mend()
		mended := time.Now()
		more(before, "after the cut")
		t.Logf("pages are stored again %s after the cut", time.Since(mended).Round(time.Millisecond))
	}
	require.True(t, f.Worker.Running(), "it waited for the database")
	s.SetPageDelay(0)
	truth, err := s.Truth(sample.Scope{})
	require.NoError(t, err)
	for i, k := range crawls {
		r := k.Done()
		require.Equal(t, []fleet.GUID{guid}, r.Crawlers, "one crawler, which was kept")
		require.Zero(t, r.Moves)
		if i < 2 {
			require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k), "every page is there, once")
		}
	}
	a.AwaitNoCrawlers()
	noJobs(t, jobs)
}
