package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTicket_WarmIsRoutedCrawledAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guid := w.store.Crawler(4)
	w.ticket(smallest)

	r := w.result(t)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.EqualValues(t, 3, r.Counters.Fetched)
	require.Equal(t, []string{"Route", "Record"}, w.store.Calls())
	require.Len(t, w.taken(), 1)
	require.Zero(t, w.store.Row(guid).Leased, "its slot is free again")
	require.Empty(t, w.temporal.Messages(""), "a warm ticket tells nobody")
}

func TestTicket_WithoutAnIDIsNamedByItsWorkflow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: fleet.TicketWorkflowID("acme", "nightly"), TaskQueue: fleet.ControlQueue,
	})
	w.ticket(`{"tenant":"acme","urls":["https://example.com/"]}`)
	require.Equal(t, fleet.TicketID("nightly"), w.result(t).Ticket)
}

func TestTicket_LimitedKeepsItsResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		return fleet.CrawlResult{Outcome: fleet.OutcomeLimited, Reason: "maxPages 10"}, nil
	}
	w.ticket(smallest)
	r := w.result(t)
	require.Equal(t, fleet.OutcomeLimited, r.Outcome)
	require.Equal(t, "maxPages 10", r.Reason)
}

func TestTicket_ColdTellsTheConductorOnceAndGoesOnWhenGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	w.RegisterDelayedCallback(func() { w.SignalWorkflow(fleet.SignalGranted, nil) }, time.Second) // forged
	w.RegisterDelayedCallback(func() {
		require.Equal(t, fleet.TicketWaiting, w.status(t).State)
		require.Equal(t, fleet.WaitStarting, w.status(t).Wait.Code)
	}, 2*time.Second)
	w.RegisterDelayedCallback(func() {
		w.store.Crawler(1)
		w.SignalWorkflow(fleet.SignalGranted, nil)
		w.SignalWorkflow(fleet.SignalGranted, nil) // told twice
	}, 3*time.Second)
	w.ticket(smallest)

	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
	require.Less(t, w.Now().Sub(began), 10*time.Second)
	require.Len(t, w.temporal.Messages("start"), 1)
	require.Equal(t, []string{"Route", "Told", "Route", "Route", "Record"}, w.store.Calls())
}

// status asks the query.
func (w *world) status(t *testing.T) fleet.TicketStatus {
	t.Helper()
	answer, err := w.QueryWorkflow(fleet.TicketQuery)
	require.NoError(t, err)
	var s fleet.TicketStatus
	require.NoError(t, answer.Get(&s))
	return s
}

func TestTicket_ALostWordIsHealedByItsTimer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	w.RegisterDelayedCallback(func() { w.store.Crawler(1) }, 3*time.Second)
	w.ticket(smallest)
	w.result(t)
	require.InDelta(t, time.Minute, w.Now().Sub(began), float64(10*time.Second))
}

func TestTicket_AsksLessAndLessOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.store.Crawler(1) }, 10*time.Hour)
	w.ticket(smallest)
	w.result(t)
	asked := w.count("Route")
	// 1+2+4+8 min, then one in about 15 min, a tenth more or less.
	require.Greater(t, asked, 35)
	require.Less(t, asked, 52)
}

func (w *world) count(call string) int {
	n := 0
	for _, c := range w.store.Calls() {
		if c == call {
			n++
		}
	}
	return n
}

func TestTicket_GoesElsewhereWhenItsCrawlerIsLost(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]error{
		"buried":    activities.ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "it was killed")),
		"draining":  activities.ToTemporal(fleet.Errorf(fleet.CodeDraining, "it ends")),
		"fenced":    activities.ToTemporal(fleet.Errorf(fleet.CodeFenced, "a newer claim exists")),
		"cut off":   activities.ToTemporal(fleet.Errorf(fleet.CodeUnavailable, "no data plane")),
		"not taken": temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil),
		"silent":    temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store.Crawler(1)
			w.crawl = func(_ context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
				if len(w.taken()) == 1 {
					return fleet.CrawlResult{}, lost
				}
				return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
			}
			w.ticket(smallest)
			r := w.result(t)
			require.Equal(t, fleet.OutcomeDone, r.Outcome)
			require.Equal(t, 1, r.Moves)
			require.Contains(t, w.store.Calls(), "Raise", "what may still crawl is fenced off")
			taken := w.taken()
			require.Len(t, taken, 2)
			require.Greater(t, taken[1].Epoch, taken[0].Epoch)
			fence, _ := w.store.Fence("t1")
			require.Greater(t, fence, taken[0].Epoch)
		})
	}
}

func TestTicket_SlowsDownWhenItLosesCrawlerAfterCrawler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	began := w.Now()
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		if len(w.taken()) <= 12 {
			return fleet.CrawlResult{}, activities.ToTemporal(fleet.Errorf(fleet.CodeDraining, "it ends"))
		}
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	}
	w.ticket(smallest)
	require.Equal(t, 12, w.result(t).Moves)
	require.Greater(t, w.Now().Sub(began), 3*time.Minute)
}

func TestTicket_SurvivesAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.store.Fail("Route", errors.New("database is locked"))
	w.RegisterDelayedCallback(func() { w.store.Fail("Route", nil) }, time.Hour)
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		w.store.Fail("Record", errors.New("database is locked"))
		w.RegisterDelayedCallback(func() { w.store.Fail("Record", nil) }, time.Hour)
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	}
	w.ticket(smallest)
	require.Equal(t, fleet.OutcomeDone, w.result(t).Outcome)
}

func TestTicket_IsLabelledOnlyWhereItWasNot(t *testing.T) {
	t.Parallel()
	for name, labelled := range map[string]bool{"by our clients": true, "by the stock CLI": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store.Crawler(1)
			if labelled {
				require.NoError(t, w.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(
					temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet("acme"))))
			} else {
				w.OnUpsertTypedSearchAttributes(temporal.NewSearchAttributes(
					temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet("acme"),
					temporal.NewSearchAttributeKeyKeyword(fleet.AttrSession).ValueSet("s1"))).Return(nil).Once()
			}
			w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"session":{"key":"s1"}}`)
			w.result(t)
			w.AssertExpectations(t)
		})
	}
}

func TestTicket_CrawlIsBoundToItsLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guid := w.store.Crawler(1)
	w.OnActivity(fleet.ActivityCrawl, mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
			info := activity.GetInfo(ctx)
			require.Equal(t, fleet.CrawlQueue(guid), info.TaskQueue)
			require.Equal(t, fleet.ActivityCrawlID(in.Epoch), info.ActivityID)
			require.Equal(t, 12*time.Minute, info.HeartbeatTimeout)
			return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
		})
	w.ticket(smallest)
	w.result(t)
}

func TestTicket_ContinuingAsNewIsInvisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		// Lost, and nobody else is there: it waits, and its history is long.
		_, err := w.store.Bury(t.Context(), w.store.Ticket("t1").Lease.GUID, "killed")
		require.NoError(t, err)
		w.SetContinueAsNewSuggested(true)
		return fleet.CrawlResult{}, activities.ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "killed"))
	}
	w.ticket(smallest)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, w.GetWorkflowError(), &again)
	require.Equal(t, fleet.TicketWorkflow, again.WorkflowType.Name)

	var document json.RawMessage
	var carry any
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &document, &carry))

	next := newWorldOver(w.store)
	next.store.Crawler(1)
	next.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		require.Equal(t, 1, next.status(t).Moves)
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	}
	next.ExecuteWorkflow(fleet.TicketWorkflow, document, carry)
	require.Equal(t, 1, next.result(t).Moves)
}
