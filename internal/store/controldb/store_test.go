package controldb_test

import (
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"

	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb/controltest"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// place is where a store is: it is opened there again and again.
type place func(c controltest.Config) controldb.Options

func inFile(t testing.TB) place {
	file := filepath.Join(t.TempDir(), "control.db")
	return func(c controltest.Config) controldb.Options {
		o := options(c)
		o.Path = file
		return o
	}
}

func onServer(t testing.TB) place {
	url := pgtest.Schema(t)
	return func(c controltest.Config) controldb.Options {
		o := options(c)
		o.Postgres = url
		return o
	}
}

func options(c controltest.Config) controldb.Options {
	return controldb.Options{
		Fleet: "test", Offerings: c.Offerings, Pins: c.Pins, UnplacedMax: c.UnplacedMax,
		AllowPrivate: c.AllowPrivate, AllowPorts: c.AllowPorts, IgnoreRobots: c.IgnoreRobots,
		Clock: c.Clock, NewGUID: c.NewGUID, Patience: c.Patience,
	}
}

// both runs a test on both dialects.
func both(t *testing.T, test func(t *testing.T, at func(testing.TB) place)) {
	t.Parallel()
	for name, at := range map[string]func(testing.TB) place{"sqlite": inFile, "postgres": onServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, at)
		})
	}
}

func open(t testing.TB, o controldb.Options) *controldb.Store {
	t.Helper()
	s, err := controldb.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore_Conformance(t *testing.T) {
	orders := map[string]int{"sqlite": 100, "postgres": 20} // a server takes ten times as long
	both(t, func(t *testing.T, at func(testing.TB) place) {
		controltest.Exercise(t, func(t testing.TB, c controltest.Config) controltest.Control {
			return open(t, at(t)(c))
		}, orders[path.Base(t.Name())])
	})
}

// used is a place with a tenant and a ticket that waits.
func used(t testing.TB, at place) controldb.Options {
	t.Helper()
	o := at(controltest.Config{
		Clock:   func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) },
		NewGUID: func() fleet.GUID { return "00000000-0000-4000-8000-000000000001" },
		Offerings: []fleet.Offering{{
			ID: "process/a", Provider: "process", Account: "local", Price: fleet.Money{Micros: 1, Currency: "EUR"},
		}},
	})
	s, err := controldb.Open(t.Context(), o)
	require.NoError(t, err)
	_, err = s.OpenTenant(t.Context(), fleet.TenantInput{Tenant: "acme"})
	require.NoError(t, err)
	_, err = s.SetTenant(t.Context(), "acme", fleet.TenantReady, "")
	require.NoError(t, err)
	a, err := s.Route(t.Context(), request("one", false))
	require.NoError(t, err)
	require.Equal(t, fleet.RouteWait, a.Kind)
	require.NoError(t, s.Close())
	return o
}

func TestStore_SurvivesARestart(t *testing.T) {
	both(t, func(t *testing.T, at func(testing.TB) place) {
		d, err := open(t, used(t, at(t))).Decide(t.Context(), "acme")
		require.NoError(t, err)
		require.Len(t, d.Starts, 1)
	})
}

func TestStore_ReadOnlyReadsAndNeverWrites(t *testing.T) {
	both(t, func(t *testing.T, at func(testing.TB) place) {
		o := used(t, at(t))
		o.ReadOnly = true
		s := open(t, o)
		row, err := s.Ticket(t.Context(), "acme", "one")
		require.NoError(t, err)
		require.Equal(t, fleet.TicketWaiting, row.State)
		_, err = s.Preview(t.Context(), request("two", false).Input)
		require.NoError(t, err)
		_, err = s.Route(t.Context(), request("two", false))
		require.Regexp(t, "read-?only", err)
	})
}

func TestStore_ClaimableOnlyUnderItsLease(t *testing.T) {
	both(t, func(t *testing.T, at func(testing.TB) place) {
		s := open(t, used(t, at(t)))
		d, err := s.Decide(t.Context(), "acme")
		require.NoError(t, err)
		g := d.Starts[0].GUID
		f, err := s.Serving(t.Context(), g, fleet.Hello{Contract: fleet.ContractVersion, Address: "127.0.0.2"})
		require.NoError(t, err)
		epoch := f.Grants[0].Epoch
		in, err := s.Claimable(t.Context(), "acme", "one", g, epoch)
		require.NoError(t, err)
		require.Equal(t, []string{"example.com", "www.example.com"}, in.Scope.Hosts)
		_, err = s.Claimable(t.Context(), "acme", "one", g, epoch-1)
		require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
		_, err = s.Claimable(t.Context(), "acme", "two", g, epoch)
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	})
}

func TestOpen_RefusesAnotherFleetsStore(t *testing.T) {
	both(t, func(t *testing.T, at func(testing.TB) place) {
		o := used(t, at(t))
		o.Fleet = "other"
		_, err := controldb.Open(t.Context(), o)
		require.Equal(t, fleet.CodeConflict, fleet.CodeOf(err))
		require.ErrorContains(t, err, `belongs to fleet "test"`)
	})
}

// A file is found by the directory of its fleet; a server has many.
func TestOpen_ADoorRefusesAnotherFleetsDatabaseAndAnEmptyOne(t *testing.T) {
	t.Parallel()
	o := used(t, onServer(t))
	o.ReadOnly, o.Fleet = true, "other"
	_, err := controldb.Open(t.Context(), o)
	require.Equal(t, fleet.CodeConflict, fleet.CodeOf(err))
	empty := onServer(t)(controltest.Config{Clock: o.Clock, NewGUID: o.NewGUID})
	empty.ReadOnly = true
	_, err = controldb.Open(t.Context(), empty)
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
}

func TestOpen_NeedsAClock(t *testing.T) {
	t.Parallel()
	_, err := controldb.Open(t.Context(), controldb.Options{Path: filepath.Join(t.TempDir(), "control.db")})
	require.ErrorContains(t, err, "clock")
}
