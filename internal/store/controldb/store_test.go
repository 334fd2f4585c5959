package controldb_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"

	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb/controltest"
)

func open(t testing.TB, c controltest.Config) controltest.Control {
	t.Helper()
	s, err := controldb.Open(t.Context(), options(filepath.Join(t.TempDir(), "control.db"), c))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func options(path string, c controltest.Config) controldb.Options {
	return controldb.Options{
		Path: path, Fleet: "test", Offerings: c.Offerings, Pins: c.Pins, UnplacedMax: c.UnplacedMax,
		AllowPrivate: c.AllowPrivate, Clock: c.Clock, NewGUID: c.NewGUID, Patience: c.Patience,
	}
}

func TestStore_Conformance(t *testing.T) {
	t.Parallel()
	controltest.Exercise(t, open)
}

// reopened is a store at a path, with a tenant and a ticket that waits.
func reopened(t *testing.T) (string, controltest.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	c := controltest.Config{
		Clock:   func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) },
		NewGUID: func() fleet.GUID { return "00000000-0000-4000-8000-000000000001" },
		Offerings: []fleet.Offering{{
			ID: "process/a", Provider: "process", Account: "local", Price: fleet.Money{Micros: 1, Currency: "EUR"},
		}},
	}
	s, err := controldb.Open(t.Context(), options(path, c))
	require.NoError(t, err)
	_, err = s.OpenTenant(t.Context(), fleet.TenantInput{Tenant: "acme"})
	require.NoError(t, err)
	_, err = s.SetTenant(t.Context(), "acme", fleet.TenantReady, "")
	require.NoError(t, err)
	a, err := s.Route(t.Context(), request("one", false))
	require.NoError(t, err)
	require.Equal(t, fleet.RouteWait, a.Kind)
	require.NoError(t, s.Close())
	return path, c
}

func TestStore_SurvivesARestart(t *testing.T) {
	t.Parallel()
	path, c := reopened(t)
	s, err := controldb.Open(t.Context(), options(path, c))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	d, err := s.Decide(t.Context(), "acme")
	require.NoError(t, err)
	require.Len(t, d.Starts, 1)
}

func TestStore_ReadOnlyReadsAndNeverWrites(t *testing.T) {
	t.Parallel()
	path, c := reopened(t)
	o := options(path, c)
	o.ReadOnly = true
	s, err := controldb.Open(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	row, err := s.Ticket(t.Context(), "acme", "one")
	require.NoError(t, err)
	require.Equal(t, fleet.TicketWaiting, row.State)
	_, err = s.Preview(t.Context(), request("two", false).Input)
	require.NoError(t, err)
	_, err = s.Route(t.Context(), request("two", false))
	require.ErrorContains(t, err, "readonly")
}

func TestStore_ClaimableOnlyUnderItsLease(t *testing.T) {
	t.Parallel()
	path, c := reopened(t)
	s, err := controldb.Open(t.Context(), options(path, c))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	d, err := s.Decide(t.Context(), "acme")
	require.NoError(t, err)
	g := d.Starts[0].GUID
	f, err := s.Serving(t.Context(), g, fleet.Hello{Contract: fleet.ContractVersion, Address: "127.0.0.2"})
	require.NoError(t, err)
	epoch := f.Grants[0].Epoch
	in, err := s.Claimable(t.Context(), "acme", "one", g, epoch)
	require.NoError(t, err)
	require.Equal(t, []string{"example.com"}, in.Scope.Hosts)
	_, err = s.Claimable(t.Context(), "acme", "one", g, epoch-1)
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	_, err = s.Claimable(t.Context(), "acme", "two", g, epoch)
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
}

func TestOpen_RefusesAnotherFleetsStore(t *testing.T) {
	t.Parallel()
	path, c := reopened(t)
	o := options(path, c)
	o.Fleet = "other"
	_, err := controldb.Open(t.Context(), o)
	require.Equal(t, fleet.CodeConflict, fleet.CodeOf(err))
	require.ErrorContains(t, err, `belongs to fleet "test"`)
}

func TestOpen_NeedsAClock(t *testing.T) {
	t.Parallel()
	_, err := controldb.Open(t.Context(), controldb.Options{Path: filepath.Join(t.TempDir(), "control.db")})
	require.ErrorContains(t, err, "clock")
}
