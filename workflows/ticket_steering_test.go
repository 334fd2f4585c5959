package workflows_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// hang makes the first n crawls go on until they are cancelled.
func (w *world) hang(n int) {
	var mu sync.Mutex
	crawl := w.crawl
	w.crawl = func(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
		mu.Lock()
		n--
		left := n
		mu.Unlock()
		if left >= 0 {
			return fleet.CrawlResult{}, activity.ErrResultPending
		}
		return crawl(ctx, in)
	}
}

func (w *world) ticketStatus(t *testing.T) fleet.TicketStatus {
	t.Helper()
	answer, err := w.QueryWorkflow(fleet.TicketQuery)
	require.NoError(t, err)
	var s fleet.TicketStatus
	require.NoError(t, answer.Get(&s))
	return s
}

// isPaused looks at everything that a paused ticket must not have.
func (w *world) isPaused(t *testing.T) {
	t.Helper()
	s := w.ticketStatus(t)
	require.Equal(t, fleet.TicketWaiting, s.State)
	require.NotNil(t, s.Wait)
	require.Equal(t, fleet.WaitPaused, s.Wait.Code)
	require.Zero(t, w.store.Leased(), "its slot is free")
}

func TestTicket_PausedWhileItCrawlsGivesItsSlotBackAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.hang(1)
	first := w.update(time.Minute, fleet.TicketPause, json.RawMessage(`{"reason":"the site is slow"}`))
	w.RegisterDelayedCallback(func() { w.isPaused(t) }, 2*time.Minute)
	second := w.update(3*time.Minute, fleet.TicketPause)
	w.RegisterDelayedCallback(func() { w.SignalWorkflow(fleet.SignalGranted, nil) }, 4*time.Minute) // forged
	w.RegisterDelayedCallback(func() {
		w.isPaused(t)
		require.Contains(t, w.ticketStatus(t).Wait.Message, "the site is slow", "the first reason stays")
	}, 3*time.Hour)
	third := w.update(4*time.Hour, fleet.TicketResume, json.RawMessage(`{"by":"ada@desk"}`))
	w.ticket(smallest)

	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
	for _, u := range []*updated{first, second, third} {
		require.NoError(t, u.rejected)
		require.NoError(t, u.err)
		require.True(t, u.done)
	}
	crawls := w.taken()
	require.Len(t, crawls, 2)
	require.Greater(t, crawls[1].Epoch, crawls[0].Epoch)
	require.Zero(t, w.result(t).Moves, "a pause is no move")
}

func TestTicket_PausedWhileItWaitsAsksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(time.Second, fleet.TicketPause)
	asked := 0
	w.RegisterDelayedCallback(func() { asked = w.count("Route") }, 2*time.Second)
	w.RegisterDelayedCallback(func() {
		w.isPaused(t)
		require.Equal(t, asked, w.count("Route"), "nothing is written while it is paused")
		w.store.Crawler(1)
	}, 10*time.Hour)
	w.update(11*time.Hour, fleet.TicketResume)
	w.ticket(smallest)
	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
}

func TestTicket_PausedWhileItIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	lost := 0
	crawl := w.crawl
	w.crawl = func(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
		if lost++; lost <= 8 { // the last pause is 16 s, from 15 s on
			return fleet.CrawlResult{}, activities.ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "gone"))
		}
		return crawl(ctx, in)
	}
	paused := w.update(20*time.Second, fleet.TicketPause)
	w.RegisterDelayedCallback(func() { w.isPaused(t) }, 21*time.Second)
	w.update(time.Hour, fleet.TicketResume)
	w.ticket(smallest)
	require.NoError(t, paused.err)
	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
}

func TestTicket_PausedEndsByDeadlineAndByCancel(t *testing.T) {
	t.Parallel()
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.store.Crawler(1)
		w.hang(1)
		w.update(time.Minute, fleet.TicketPause)
		began := w.Now()
		w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"deadline":"1h"}`)
		require.Equal(t, fleet.OutcomeExpired, w.result(t).Outcome)
		require.WithinDuration(t, began.Add(time.Hour), w.Now(), time.Second)
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.store.Crawler(1)
		w.hang(1)
		w.update(time.Minute, fleet.TicketPause)
		w.RegisterDelayedCallback(w.CancelWorkflow, time.Hour)
		w.ticket(smallest)
		require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
		require.Equal(t, fleet.OutcomeCancelled, w.store.Ticket("t1").Result.Outcome)
	})
}

func TestTicket_SteeringIsCheckedStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknown := w.update(time.Second, fleet.TicketPause, json.RawMessage(`{"why":"x"}`))
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.ticket(smallest)
	require.Equal(t, "why", activities.FromTemporal(unknown.rejected).Field)
}

func TestTicket_IsStillPausedAfterContinuingAsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(time.Minute, fleet.TicketPause, json.RawMessage(`{"reason":"later"}`))
	w.RegisterDelayedCallback(func() {
		w.SetContinueAsNewSuggested(true)
		w.SignalWorkflow(fleet.SignalGranted, nil)
	}, 2*time.Minute)
	w.ticket(smallest)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, w.GetWorkflowError(), &again)
	var document json.RawMessage
	var carry any
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &document, &carry))

	next := newWorldOver(w.store)
	w.store.Crawler(1)
	next.RegisterDelayedCallback(func() { next.isPaused(t) }, time.Minute)
	next.update(time.Hour, fleet.TicketResume)
	next.ExecuteWorkflow(fleet.TicketWorkflow, document, carry)
	require.Equal(t, fleet.OutcomeDone, next.result(t).Outcome)
}

func TestTicket_StartsWhenItIsToStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	began := w.Now()
	w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"startAt":"72h"}`)
	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
	require.WithinDuration(t, began.Add(72*time.Hour), w.Now(), time.Second)
	require.Equal(t, 2, w.count("Route"))
}

func TestTicket_ThatHasCostItsMaxCostEndsLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		deadline string
		affords  time.Duration
		outcome  fleet.Outcome
		reason   string
	}{
		"cost first":     {"1h", time.Minute, fleet.OutcomeLimited, "maxCost of "},
		"deadline first": {"1m", time.Hour, fleet.OutcomeExpired, "the deadline passed"},
		"spent already":  {"1h", 0, fleet.OutcomeLimited, "maxCost of "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store.Crawler(1)
			w.store.Affords = c.affords
			w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
				return fleet.CrawlResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
			}
			w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"deadline":"` + c.deadline +
				`","maxCost":{"micros":1000,"currency":"EUR"}}`)
			r := w.result(t)
			require.Equal(t, c.outcome, r.Outcome)
			require.Contains(t, r.Reason, c.reason)
			require.EqualValues(t, 2, r.Counters.Fetched, "what was crawled is kept and counted")
			_, closed := w.store.Fence("t1")
			require.Equal(t, c.outcome, closed, "its crawl is closed in the tenant's database")
		})
	}
}
