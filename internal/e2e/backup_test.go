package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// TestBackup_TwentyCrawlsGoOnHereAndThere backs a fleet up in the middle of 20 crawls and
// starts what it restores beside it, on one machine. Both go to their ends, and neither
// touches what is the other's.
func TestBackup_TwentyCrawlsGoOnHereAndThere(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{Dev: true}, slowly)
	for i := range 2 {
		a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 4, SlotsPerCrawler: 4})
		for j := range 10 {
			edits := []func(*fleet.TicketInput){near}
			if j == 0 {
				edits = append(edits, inSession("ann", fleet.LossPreferred))
			}
			d.crawl(a, fleet.TicketID(fmt.Sprintf("crawl-%d-%d", i, j)), edits...)
		}
	}
	for _, c := range d.tickets {
		Await(t, string(c.Name)+" to be in the middle", func() (bool, string) {
			n, err := stored(c.Ticket)
			return n > 0 && err == nil, fmt.Sprintf("%d pages, %v", n, err)
		})
	}
	archive, r := d.backup()
	require.Equal(t, 5, r.Databases, "control store, two tenants, two of the Temporal server")
	was, err := d.Fleet.Crawlers()
	require.NoError(t, err)
	other := restored(t, archive, Options{Dev: true})
	then, err := readRows(t.Context(), filepath.Join(other.DataDir(), "control.db"))
	require.NoError(t, err)
	require.Len(t, then.outcomes, len(d.tickets))
	for id, outcomes := range then.outcomes {
		require.Equal(t, []string{""}, outcomes, "%s was in the middle", id)
	}
	other.goOn(t)
	there := &drill{Fleet: other, t: t, site: d.site, losses: len(d.tickets)}
	for _, c := range d.tickets {
		there.expect((&Tenant{Fleet: other, ID: c.ID, t: t}).Named(c.Name), fleet.OutcomeDone)
	}
	Await(t, "the restored fleet to crawl", func() (bool, string) {
		running, err := other.Crawlers()
		return len(running) > 0 && err == nil, there.open()
	})
	still, err := d.Fleet.Crawlers()
	require.NoError(t, err)
	require.Equal(t, was, still, "the original's crawlers are its own")

	d.site.SetPageDelay(0)
	d.rest()
	there.rest()
	here, since := split(d, r.Instant)
	judge(t, d, here)
	judge(t, there, since)
	for _, c := range d.tickets {
		require.Zero(t, c.End().Moves, "the original was disturbed")
	}
	require.NoError(t, other.Close(t.Context()))
	t.Logf("writers waited %s, the backup took %s, %d bytes packed to %d; restored, it goes on %s after the instant",
		r.Locked.Std(), r.Took.Std(), r.Bytes, r.Packed, resumed(since, r.Instant))
}

// near keeps a crawl to the pages that are few links away: 20 crawls, twice.
func near(in *fleet.TicketInput) {
	depth := nearDepth
	in.Scope.MaxDepth = &depth
	in.Fetch.Concurrency = 2
}

const nearDepth = 2

func stored(k *Ticket) (int64, error) {
	c, _, err := k.Data.Progress(k.t.Context(), k.ID, k.Name)
	return c.Fetched, err
}

// backup writes an archive of a fleet that runs, as a person does.
func (d *drill) backup() (string, backup.Report) {
	d.t.Helper()
	archive := filepath.Join(d.t.TempDir(), "archive.tar.gz")
	var r backup.Report
	d.Crawlfleet(d.t, "", "backup", archive, "-o", "json").OK(d.t).Into(d.t, &r)
	require.Equal(d.t, archive, r.Archive)
	return archive, r
}

// restored is a fleet that an archive was restored to, and that does not run yet.
func restored(t *testing.T, archive string, o Options) *Fleet {
	t.Helper()
	dir, err := os.MkdirTemp("", "crawlfleet-e2e-")
	require.NoError(t, err)
	f := &Fleet{Dir: dir, programs: the.programs, o: o}
	require.NoError(t, f.prepare())
	said := f.Crawlfleet(t, "", "restore", archive).OK(t)
	require.Contains(t, said.Out, "crawlfleet dev --data-dir "+f.DataDir(), "it says what to type")
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) }) // after what runs in it has ended
	return f
}

// goOn starts a restored fleet. The test closes it, unless it has failed.
func (f *Fleet) goOn(t *testing.T) {
	t.Helper()
	t.Cleanup(f.end)
	require.NoError(t, f.StartAll())
	require.NoError(t, f.connect(t.Context()))
}

// split gives what of a site's log the original fleet asked for, and what a fleet that is
// restored from its instant counts as asked for: until then the same, from then on its own.
func split(d *drill, instant time.Time) (here, there []sample.Request) {
	d.t.Helper()
	own, err := d.Control.AllCrawlers(d.t.Context(), fleet.CrawlerFilter{Limit: math.MaxInt32})
	require.NoError(d.t, err)
	for _, r := range d.site.Log() {
		original := slices.ContainsFunc(own, func(c fleet.CrawlerRow) bool { return c.Address == r.Source })
		if original {
			here = append(here, r)
		}
		if !original || !r.Time.After(instant) {
			there = append(there, r)
		}
	}
	return here, there
}

// resumed is how long after the instant the restored fleet asked for its first page.
func resumed(since []sample.Request, instant time.Time) time.Duration {
	for _, r := range since {
		if r.Time.After(instant) {
			return r.Time.Sub(instant).Round(time.Millisecond)
		}
	}
	return -1
}

// judge checks one of two fleets that have crawled one site.
func judge(t *testing.T, d *drill, log []sample.Request) {
	t.Helper()
	depth := nearDepth
	truth, err := d.site.Truth(sample.Scope{MaxDepth: &depth})
	require.NoError(t, err)
	Check(t, d.Fleet, Evidence{
		Log: log, Truth: truth, Tickets: d.crawled(), Kills: d.losses,
		Patience: []string{d.site.ShopURL(sample.FlakyPath)},
		Key: func(url string) string {
			if p, ok := d.site.Page(url); ok {
				return p.URL
			}
			url, _, _ = strings.Cut(url, "#")
			return url
		},
	})
}

// TestBackup_RestoredFleetKeepsAwayFromTheOriginalsCrawlers: the original is dead but for
// its crawlers, which look for its server. The restored one does not take that port before
// they are gone, and then goes on.
func TestBackup_RestoredFleetKeepsAwayFromTheOriginalsCrawlers(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{Dev: true}, slowly)
	k := d.crawl(d.NewTenant(t, fleet.Plan{}), "moved", near)
	d.awaitRequests(20)
	archive, _ := d.backup()
	before, err := d.Fleet.Crawlers()
	require.NoError(t, err)
	require.NotEmpty(t, before)
	d.Dev.Kill()
	Await(t, "server and worker to end with dev", func() (bool, string) {
		all, err := d.Processes()
		return len(all) == len(before) && err == nil, fmt.Sprintf("%+v", all)
	})

	ports := map[string]string{
		"temporal-port": strconv.Itoa(d.ports.temporal), "data-plane-listen": d.Plane,
	}
	other := restored(t, archive, Options{Dev: true, Settings: ports})
	e := other.Crawlfleet(t, "", "dev", "-o", "json").Error(t)
	require.Equal(t, fleet.CodeBusy, e.Code)
	require.Equal(t, "--temporal-port", e.Field)
	for _, c := range before {
		require.Contains(t, e.Message, strconv.Itoa(c.PID))
		require.Contains(t, e.Hint, strconv.Itoa(c.PID))
		Kill(c.PID)
	}
	Await(t, "the crawlers to end", func() (bool, string) {
		all, err := d.Fleet.Crawlers()
		return len(all) == 0 && err == nil, fmt.Sprintf("%+v", all)
	})
	d.site.SetPageDelay(0)
	other.Temporal = d.Temporal
	other.goOn(t)
	require.Equal(t, 1, (&Tenant{Fleet: other, ID: k.ID, t: t}).Named(k.Name).Done().Moves)
	require.NoError(t, other.Close(t.Context()))
	require.NoError(t, d.StartDev(), "the ports are free again")
	d.rest()
}

func TestBackup_OfAFleetThatDoesNotRun(t *testing.T) {
	t.Parallel()
	d := newDrill(t, Options{Dev: true}, slowly)
	k := d.crawl(d.NewTenant(t, fleet.Plan{}), "paused", near)
	d.awaitRequests(20)
	require.NoError(t, d.Dev.Stop(stopWithin))
	archive, _ := d.backup()
	other := restored(t, archive, Options{Dev: true})
	d.site.SetPageDelay(0)
	other.goOn(t)
	(&Tenant{Fleet: other, ID: k.ID, t: t}).Named(k.Name).Done()
	require.NoError(t, other.Close(t.Context()))
	require.NoError(t, d.StartDev())
	d.rest()
}
