package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// keeping is a desk with more to forget than fits into two batches, and three crawlers'
// logs.
func keeping(t *testing.T) (*desk, *activities.Keeper) {
	t.Helper()
	d := newDesk()
	for n := range keptTickets {
		id := fleet.TicketID(fmt.Sprint("t", n))
		d.route(t, string(id))
		_, err := d.tickets.Data.Close(t.Context(), "acme", id, fleet.OutcomeDone, "")
		require.NoError(t, err)
		_, err = d.store.Record(t.Context(), fleet.RecordRequest{Tenant: "acme", Ticket: id, Outcome: fleet.OutcomeDone})
		require.NoError(t, err)
	}
	for range 3 {
		in := d.store.Reserve(1)
		_, err := d.store.Gone(t.Context(), in.GUID, time.Now().Add(-fleet.DefaultKeepLogs))
		require.NoError(t, err)
		d.provider.Log(in.GUID)
	}
	for n := range keptTickets {
		d.store.Bind(fleet.SessionKey(fmt.Sprint("s", n)))
	}
	return d, &activities.Keeper{
		Rows: d.store, Results: d.store, Machines: d.machines, Courier: d.courier,
		SpendEvery: time.Millisecond, Every: time.Millisecond, Log: zap.NewNop(),
	}
}

const keptTickets = 250

// nothingKept wants everything forgotten.
func nothingKept(t *testing.T, d *desk) {
	t.Helper()
	expired, err := d.store.Expired(t.Context(), keptTickets)
	require.NoError(t, err)
	require.Empty(t, expired)
	forgettable, err := d.store.Forgettable(t.Context(), keptTickets)
	require.NoError(t, err)
	require.Empty(t, forgettable)
	for n := range keptTickets {
		id := fleet.TicketID(fmt.Sprint("t", n))
		fence, closed := d.store.Fence(id)
		require.Zero(t, fence)
		require.Empty(t, closed)
		require.Empty(t, d.store.Ticket(id).State, "its row is pruned")
	}
	sessions, err := d.store.ExpiredSessions(t.Context(), keptTickets)
	require.NoError(t, err)
	require.Empty(t, sessions)
	for n := range keptTickets {
		require.False(t, d.store.Carried(fleet.SessionKey(fmt.Sprint("s", n))))
	}
	require.Zero(t, d.provider.Logs())
}

func TestKeeper_ForgetsAllThatNeedNotBeKept(t *testing.T) {
	t.Parallel()
	d, k := keeping(t)
	require.NoError(t, k.Round(t.Context()))
	nothingKept(t, d)
	require.NoError(t, k.Round(t.Context()), "once more does nothing")
}

func TestKeeper_ADeathAtAnyStepIsMadeUpForByTheNextRound(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		"Expired", "Forget", "Forgotten", "Forgettable", "Purge", "Purged",
		"ExpiredSessions", "ForgetSession", "SessionForgotten", "Prune",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			d, k := keeping(t)
			died := errors.New("killed")
			d.store.Fail(step, died)
			if step == "Purge" {
				d.provider.PurgeError = died
			}
			require.ErrorIs(t, k.Round(t.Context()), died)
			d.store.Fail(step, nil)
			d.provider.PurgeError = nil
			require.NoError(t, k.Round(t.Context()))
			nothingKept(t, d)
		})
	}
}

func TestKeeper_HoldsSpendCapsByTellingThoseConcerned(t *testing.T) {
	t.Parallel()
	d, k := keeping(t)
	d.store.HoldSpends(fleet.Follow{
		Conductors: []fleet.TenantID{"acme"},
		Drains:     []fleet.CrawlerDrain{{CrawlerRef: fleet.CrawlerRef{Tenant: "acme", GUID: "g"}}},
	})
	require.NoError(t, k.Hold(t.Context()))
	started := d.temporal.Messages("start")
	require.Equal(t, fleet.ConductorWorkflowID("acme"), started[len(started)-1].WorkflowID)
	require.Equal(t, fleet.SignalDrain, d.temporal.Messages("signal")[0].Name)
}

func TestKeeper_GoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	d, k := keeping(t)
	d.store.Fail("HoldSpend", errors.New("database is locked"))
	rounds := make(chan string)
	ctx, stop := context.WithCancel(t.Context())
	k.Count = func(what, kind string) {
		select {
		case rounds <- what + " " + kind:
		case <-ctx.Done():
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	require.Equal(t, "keep ok", <-rounds, "a cap that cannot be held keeps nothing from being forgotten")
	stop()
	<-done
	nothingKept(t, d)
}
