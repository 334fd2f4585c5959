package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestFleet_StatusSaysWhetherItRuns(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{}, "fleet", "status", "-o", "json")
	require.Zero(t, got.code, got.err)
	var s fleetStatus
	require.NoError(t, json.Unmarshal([]byte(got.out), &s))
	require.Equal(t, 42, s.Running.PID)
	require.Equal(t, map[fleet.TicketState]int{"waiting": 1, "running": 1}, s.Tickets)
	require.Contains(t, runWith(t, program{}, "fleet", "status").out, "1 waiting, 1 running")

	got = runWith(t, program{}, "fleet", "status", "--data-dir", t.TempDir())
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "error [not_found] dataDir: no fleet in ")
	require.Contains(t, got.err, "hint: crawlfleet dev")
}

func TestFleet_AuditOfAFleetThatIsDownSaysHowOldItIs(t *testing.T) {
	t.Parallel()
	stores := leftOver()
	stores.comparisons[0].Done = time.Time{}
	stores.comparisons[1].Done = time.Now().Add(-3 * time.Hour)
	require.Empty(t, runWith(t, program{stores: stores}, "fleet", "audit", "--leftovers").err, "it runs, and looks")
	down := fleetThatIsDown(t).Path
	got := runWith(t, program{stores: stores}, "fleet", "audit", "--leftovers", "-o", "json", "--data-dir", down)
	require.Equal(t, exitOutcome, got.code)
	require.True(t, json.Valid([]byte(got.out)))
	got = runWith(t, program{stores: stores}, "fleet", "audit", "--leftovers", "--data-dir", down)
	require.Contains(t, got.err, "the fleet does not run; process was compared with the rows 3h0m")
	require.Contains(t, got.err, "nomad has never been compared with the rows")
	got = runWith(t, program{}, "fleet", "audit", "--leftovers", "--data-dir", down)
	require.Contains(t, got.err, "no provider has been compared with the rows yet")
}
