package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

// postgres is a server of this test's own, which outlives the test's fleet, with a database.
func postgres(t *testing.T) (*pgtest.Server, fleet.Secret) {
	t.Helper()
	s, err := pgtest.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })
	at, err := s.Database(t.Context())
	require.NoError(t, err)
	return s, at
}

// The rows are read by the stores' readers, and audited when the fleet is closed.
func TestPostgres_CrashesInTheMiddleOfCrawlsAndNothingIsLost(t *testing.T) {
	t.Parallel()
	server, at := postgres(t)
	f := own(t, Options{Store: at})
	s := site(t, sample.Options{PageDelay: 20 * time.Millisecond})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2})
	in := fleet.TicketInput{
		URLs: []string{s.URL()}, Scope: fleet.Scope{Hosts: s.Hosts()},
		Fetch: fleet.FetchOptions{Concurrency: 4},
	}
	var crawls []*Ticket
	for range 3 {
		crawls = append(crawls, a.Submit(in))
	}
	Await(t, "crawls in their middle", func() (bool, string) {
		n := len(s.Log())
		return n >= 150, fmt.Sprint(n, " requests")
	})
	require.NoError(t, server.Restart(t.Context(), func() {
		crawls = append(crawls, a.Submit(in)) // Temporal takes it meanwhile
		time.Sleep(time.Second)               // the outage itself
	}))
	truth, err := s.Truth(sample.Scope{})
	require.NoError(t, err)
	for _, k := range crawls {
		r := k.Done()
		require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k), "every page is there, once")
		require.Positive(t, r.Bill.Micros)
		t.Logf("%d moves, counters %+v", r.Moves, r.Counters)
	}
	require.True(t, f.Worker.Running(), "it waited for the database")
}

func TestPostgres_DevServesATicket(t *testing.T) {
	t.Parallel()
	_, at := postgres(t)
	f := own(t, Options{Dev: true, Store: at})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	said := f.Crawlfleet(t, "", "ticket", "submit", s.ShopURL("/about"), "-t", string(a.ID), "--max-depth", "0",
		"--id", "kept", "--wait", "-o", "json").OK(t)
	var r fleet.TicketResult
	said.Into(t, &r)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.Len(t, a.Named("kept").Fetched(), 1)
	require.NoFileExists(t, f.DataDir()+"/control.db", "the rows are elsewhere")
	f.Crawlfleet(t, "", "doctor", "-o", "json").OK(t)
	e := f.Crawlfleet(t, "", "backup", f.Dir+"/archive", "-o", "json").Error(t)
	require.Contains(t, e.Hint, "pg_dump")
}
