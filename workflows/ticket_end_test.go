package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTicket_CancelInEveryState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(*world)
		closed fleet.Outcome // of the crawl
	}{
		"crawling": {func(w *world) {
			w.store.Crawler(1)
			w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
				return fleet.CrawlResult{}, activity.ErrResultPending
			}
		}, fleet.OutcomeCancelled},
		"waiting": {func(*world) {}, fleet.OutcomeCancelled},
		"while the store is away": {func(w *world) {
			w.store.Fail("Route", errors.New("database is locked"))
		}, ""},
		"slowed down": {func(w *world) {
			w.store.Crawler(1)
			w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
				return fleet.CrawlResult{}, activities.ToTemporal(fleet.Errorf(fleet.CodeDraining, "it ends"))
			}
		}, fleet.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.set(w)
			w.RegisterDelayedCallback(w.CancelWorkflow, 5*time.Second)
			w.ticket(smallest)
			r := w.cancelled(t)
			require.Equal(t, fleet.OutcomeCancelled, r.Outcome)
			_, closed := w.store.Fence("t1")
			require.Equal(t, c.closed, closed, "results are kept, and nothing more is stored")
			require.Zero(t, w.store.Leased())
		})
	}
}

// cancelled reads the result out of a cancelled workflow.
func (w *world) cancelled(t *testing.T) fleet.TicketResult {
	t.Helper()
	require.True(t, w.IsWorkflowCompleted())
	var e *temporal.CanceledError
	require.ErrorAs(t, w.GetWorkflowError(), &e)
	var r fleet.TicketResult
	require.NoError(t, e.Details(&r))
	return r
}

func TestTicket_DeadlineWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"deadline":"90s"}`)
	r := w.result(t)
	require.Equal(t, fleet.OutcomeExpired, r.Outcome)
	require.EqualValues(t, 2, r.Counters.Fetched, "its results are kept")
	require.Equal(t, 90*time.Second, w.Now().Sub(began).Round(time.Second))
	require.Equal(t, []string{"Intend", "Close", "Record"}, w.store.Calls()[len(w.store.Calls())-3:])
}

func TestTicket_DeadlineWhileItCrawls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		return fleet.CrawlResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
	}
	w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"deadline":"90s"}`)
	require.Equal(t, fleet.OutcomeExpired, w.result(t).Outcome)
	_, closed := w.store.Fence("t1")
	require.Equal(t, fleet.OutcomeExpired, closed)
}

func TestTicket_FailedIsAnErrorOfItsCodeWithItsResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result fleet.CrawlResult
		err    error
		kind   string
	}{
		"by its crawl": {fleet.CrawlResult{
			Outcome: fleet.OutcomeFailed, Reason: "no seed answers",
			Error: fleet.Errorf(fleet.CodeUnreachable, "no seed answers"),
		}, nil, "unreachable"},
		"without a code": {fleet.CrawlResult{Outcome: fleet.OutcomeFailed, Reason: "?"}, nil, "failed"},
		"by a defect": {
			fleet.CrawlResult{},
			temporal.NewNonRetryableApplicationError("nil map", "PanicError", nil), "internal",
		},
		"by an error with a code": {
			fleet.CrawlResult{},
			activities.ToTemporal(fleet.Errorf(fleet.CodeForbidden, "a private address")), "forbidden",
		},
		"by an answer nobody may give": {fleet.CrawlResult{Outcome: "gold"}, nil, "internal"},
		"by its longest time": {
			fleet.CrawlResult{},
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), "timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store.Crawler(1)
			w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
				return c.result, c.err
			}
			w.ticket(smallest)
			var app *temporal.ApplicationError
			require.ErrorAs(t, w.GetWorkflowError(), &app)
			require.Equal(t, c.kind, app.Type())
			var r fleet.TicketResult
			require.NoError(t, app.Details(&r))
			require.Equal(t, fleet.OutcomeFailed, r.Outcome)
			require.Equal(t, fleet.TicketEnded, w.store.Ticket("t1").State)
		})
	}
}

func TestTicket_SessionThatCannotBeHadFailsAndIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crawl = nil
	w.RegisterDelayedCallback(func() {
		w.store.Fail("Route", fleet.Errorf(fleet.CodeSessionLost, "its address is gone"))
	}, time.Second)
	w.ticket(smallest) // it waits first, and is then told that this is of no use
	require.Equal(t, fleet.CodeSessionLost, fleet.Code(w.kind(t)))
	require.Equal(t, fleet.OutcomeFailed, w.store.Ticket("t1").Result.Outcome)
}

// kind is the type of the workflow's application error.
func (w *world) kind(t *testing.T) string {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.GetWorkflowError(), &app)
	return app.Type()
}

func TestTicket_RefusedNamesTheField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		code     fleet.Code
		field    string
	}{
		"unknown field":  {`{"tenant":"acme","urls":["https://example.com/"],"depth":3}`, fleet.CodeUnknownField, "depth"},
		"no seeds":       {`{"tenant":"acme","urls":[]}`, fleet.CodeInvalid, "urls"},
		"private":        {`{"tenant":"acme","urls":["http://10.0.0.1/"]}`, fleet.CodeForbidden, "urls[0]"},
		"unknown tenant": {`{"tenant":"nobody","urls":["https://example.com/"]}`, fleet.CodeNotFound, ""},
		"nothing":        {``, fleet.CodeInvalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.document == "" {
				w.ExecuteWorkflow(fleet.TicketWorkflow)
			} else {
				w.ticket(c.document)
			}
			e := activities.FromTemporal(w.GetWorkflowError())
			require.NotNil(t, e)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.field, e.Field)
			require.NotContains(t, w.store.Calls(), "Record", "there is nothing to be ended")
		})
	}
}

func TestTicket_OfAnotherContentIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(2)
	w.lease(t, "t1")
	w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/other"]}`)
	e := activities.FromTemporal(w.GetWorkflowError())
	require.Equal(t, fleet.CodeConflict, e.Code)
	require.Equal(t, "urls", e.Field)
	require.Equal(t, 1, w.store.Leased(), "the first one is not disturbed")
}

func TestTicket_FinishedAnswersItsStoredResult(t *testing.T) {
	t.Parallel()
	for _, outcome := range []fleet.Outcome{
		fleet.OutcomeDone, fleet.OutcomeExpired, fleet.OutcomeFailed, fleet.OutcomeCancelled,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			in, err := fleet.ParseTicket([]byte(smallest))
			require.NoError(t, err)
			_, err = w.store.Route(t.Context(), fleet.RouteRequest{Input: in})
			require.NoError(t, err)
			_, err = w.store.Record(t.Context(), fleet.RecordRequest{
				Tenant: "acme", Ticket: "t1", Outcome: outcome, Reason: "as stored",
			})
			require.NoError(t, err)
			w.ticket(smallest)
			switch outcome {
			case fleet.OutcomeCancelled:
				require.Equal(t, "as stored", w.cancelled(t).Reason)
			case fleet.OutcomeFailed:
				require.Equal(t, "failed", w.kind(t))
			default:
				require.Equal(t, "as stored", w.result(t).Reason)
			}
			require.Empty(t, w.taken(), "nothing is crawled again")
			require.Equal(t, 1, w.count("Record"))
		})
	}
}

func TestTicket_AnotherAttemptReopensItsCrawl(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	in, err := fleet.ParseTicket([]byte(smallest))
	require.NoError(t, err)
	_, err = w.store.Route(t.Context(), fleet.RouteRequest{Input: in})
	require.NoError(t, err)
	_, err = w.store.Record(t.Context(), fleet.RecordRequest{
		Tenant: "acme", Ticket: "t1", Outcome: fleet.OutcomeFailed,
	})
	require.NoError(t, err)
	w.ticket(`{"tenant":"acme","id":"t1","urls":["https://example.com/"],"attempt":2}`)
	require.Equal(t, 2, w.result(t).Attempt)
	require.Contains(t, w.store.Calls(), "Reopen")
}

func TestTicket_TheFirstIntentCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() {
		_, err := w.store.Intend(t.Context(), fleet.Intent{
			Tenant: "acme", Ticket: "t1", Outcome: fleet.OutcomeExpired, Reason: "the deadline passed",
		})
		require.NoError(t, err)
		w.CancelWorkflow()
	}, time.Second)
	w.ticket(smallest)
	require.Equal(t, fleet.OutcomeExpired, w.result(t).Outcome)
}

func TestTicket_HandsItsSlotToTheNextThatLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Crawler(1)
	dead, next := fleet.TicketWorkflowID("acme", "dead"), fleet.TicketWorkflowID("acme", "next")
	w.temporal.Close(dead)
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		w.lease(t, "dead") // both wait: the slot is taken
		w.lease(t, "next")
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	}
	w.ticket(smallest)
	w.result(t)
	told := w.temporal.Messages("signal")
	require.Equal(t, []activitytest.Message{
		{Kind: "signal", WorkflowID: dead, Name: fleet.SignalGranted},
		{Kind: "signal", WorkflowID: next, Name: fleet.SignalGranted},
	}, told)
	require.Equal(t, fleet.TicketRunning, w.store.Ticket("next").State)
}
