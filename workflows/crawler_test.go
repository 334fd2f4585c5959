package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawler runs a Crawler that was reserved with four slots.
func (w *world) crawler() fleet.CrawlerInput {
	in := w.store.Reserve(4)
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, in)
	return in
}

// code is the code of the workflow's error.
func (w *world) code(t *testing.T) fleet.Code {
	t.Helper()
	require.True(t, w.IsWorkflowCompleted())
	e := activities.FromTemporal(w.GetWorkflowError())
	require.NotNil(t, e, "%v", w.GetWorkflowError())
	return e.Code
}

func TestCrawler_IdleIsRetiredStoppedAndSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	in := w.crawler()

	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, []string{"Launching", "Launched", "Serving", "Retire", "Gone"}, w.store.Calls())
	require.Zero(t, w.provider.Running())
	require.GreaterOrEqual(t, w.Now().Sub(began), in.IdleAfter.Std())
}

func TestCrawler_BusyIsLookedAtAgainAfterAShareOfItsAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// It works for ten days, then never again.
	w.store.Hold(activitytest.GUID(1), 10*24*time.Hour)
	w.crawler()
	require.NoError(t, w.GetWorkflowError())

	looks := 0
	for _, c := range w.store.Calls() {
		if c == "Retire" {
			looks++
		}
	}
	// 1 % of the age between two looks: 100 ln(10 d / 1 min) and some minutes' worth.
	require.Less(t, looks, 1250)
	require.Greater(t, looks, 100)
}

func TestCrawler_StartedByHandWithAnUnknownGUIDIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, fleet.CrawlerInput{Tenant: "acme", GUID: activitytest.GUID(7)})
	require.Equal(t, fleet.CodeNotFound, w.code(t))
	require.Equal(t, []string{"Launching"}, w.store.Calls())
}

func TestCrawler_ThatHasHadItsLifeIsNotLaunched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.store.Reserve(1)
	_, err := w.store.Bury(t.Context(), in.GUID, "gone before")
	require.NoError(t, err)
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, in)
	require.Equal(t, fleet.CodeNotFound, w.code(t))
	require.Zero(t, w.provider.Running())
}

func TestCrawler_LaunchErrors(t *testing.T) {
	t.Parallel()
	p := activitytest.NewProvider()
	for name, c := range map[string]struct {
		errs  []error
		class fleet.Class // "" for a crawler that comes to serve
	}{
		"capacity":         {[]error{p.Refusal(fleet.ClassCapacity)}, fleet.ClassCapacity},
		"quota":            {[]error{p.Refusal(fleet.ClassQuota)}, fleet.ClassQuota},
		"conflict":         {[]error{p.Refusal(fleet.ClassConflict)}, fleet.ClassConflict},
		"fatal":            {[]error{p.Refusal(fleet.ClassFatal)}, fleet.ClassFatal},
		"ambiguous":        {[]error{p.Refusal(fleet.ClassAmbiguous)}, fleet.ClassAmbiguous},
		"unknown":          {[]error{errors.New("connection reset")}, fleet.ClassAmbiguous},
		"retryable passes": {repeat(p.Refusal(fleet.ClassRetryable), 4), ""},
		"retryable stays":  {repeat(p.Refusal(fleet.ClassRetryable), 5), fleet.ClassRetryable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.provider.Errors = c.errs
			in := w.crawler()
			if c.class == "" {
				require.NoError(t, w.GetWorkflowError())
				return
			}
			require.Equal(t, fleet.CodeCapacity, w.code(t))
			require.Contains(t, w.store.Row(in.GUID).Reason, string(c.class)+": ")
			require.Equal(t, []string{"Launching", "Failed", "Bury", "Gone"}, w.store.Calls())
			require.Len(t, w.temporal.Messages("start"), 1, "the conductor decides again")
		})
	}
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestCrawler_WithoutHelloIsGivenUpAndStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hello = func(context.Context) (fleet.Hello, error) {
		return fleet.Hello{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	}
	in := w.crawler()
	require.Equal(t, fleet.CodeCapacity, w.code(t))
	require.Contains(t, w.store.Row(in.GUID).Reason, "ambiguous: no Hello")
	require.Zero(t, w.provider.Running())
}

func TestCrawler_ThatExitsBeforeItsHelloFailsAtOnce(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		w := newWorld(t)
		w.provider.Cut = cut
		w.hello = func(context.Context) (fleet.Hello, error) { return fleet.Hello{}, activity.ErrResultPending }
		began := w.Now()
		w.RegisterDelayedCallback(func() { w.SignalWorkflow(fleet.SignalExited, nil) }, time.Second) // a false alarm
		w.RegisterDelayedCallback(func() {
			w.provider.Kill(activitytest.GUID(1))
			w.SignalWorkflow(fleet.SignalExited, nil)
		}, 2*time.Second)
		in := w.crawler()
		require.Equal(t, fleet.CodeCapacity, w.code(t))
		reason := w.store.Row(in.GUID).Reason
		require.Contains(t, reason, "killed by signal 9")
		require.Equal(t, cut, strings.HasPrefix(reason, "ours, "), "whose launch was cut short says nothing of its place")
		require.Less(t, w.Now().Sub(began), 10*time.Second)
	}
}

func TestCrawler_OfAnotherContractGetsNoTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hello = func(context.Context) (fleet.Hello, error) {
		return fleet.Hello{Contract: 99, GUID: activitytest.GUID(1)}, nil
	}
	in := w.crawler()
	require.Equal(t, fleet.CodeContract, w.code(t))
	require.Equal(t, fleet.CrawlerGone, w.store.Row(in.GUID).State)
	require.Zero(t, w.provider.Running())
}

func TestCrawler_ThatAnswersAnotherGUIDIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hello = func(context.Context) (fleet.Hello, error) {
		return fleet.Hello{Contract: fleet.ContractVersion, GUID: activitytest.GUID(9)}, nil
	}
	w.crawler()
	require.Equal(t, fleet.CodeCapacity, w.code(t))
	require.NotContains(t, w.store.Calls(), "Serving")
}

func TestCrawler_ProofEndsAfterItsHello(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, err := w.store.ReserveProof(t.Context(), "acme")
	require.NoError(t, err)
	w.serve = func(context.Context, fleet.ServeInput) error {
		t.Error("a proof serves nothing")
		return nil
	}
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, in)
	var hello fleet.Hello
	require.NoError(t, w.GetWorkflowResult(&hello))
	require.Equal(t, "127.0.0.2", hello.Address)
	require.Zero(t, w.provider.Running())
}

func TestCrawler_ThatDiesIsBuriedAndItsTicketsGoElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.lease(t, "t1") }, time.Second)
	w.RegisterDelayedCallback(func() {
		w.provider.Kill(activitytest.GUID(1))
		w.SignalWorkflow(fleet.SignalExited, nil)
	}, 2*time.Second)
	in := w.crawler()

	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, "killed by signal 9", w.store.Row(in.GUID).Reason)
	require.Zero(t, w.store.Leased())
	failed := w.temporal.Messages("complete")
	require.Len(t, failed, 1)
	require.Equal(t, "crawl-1", failed[0].Name)
	require.Equal(t, fleet.CodeCrawlerLost, activities.FromTemporal(failed[0].Err).Code)
}

// lease gives a ticket a slot, as Route does.
func (w *world) lease(t *testing.T, id fleet.TicketID) {
	_, err := w.store.Route(t.Context(), fleet.RouteRequest{
		Input:      fleet.TicketInput{Tenant: "acme", ID: id, URLs: []string{"https://example.com/"}},
		WorkflowID: fleet.TicketWorkflowID("acme", id),
	})
	require.NoError(t, err)
}

func TestCrawler_SilentAndGoneIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve = func(context.Context, fleet.ServeInput) error {
		w.provider.Kill(activitytest.GUID(1))
		return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)
	}
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Contains(t, w.store.Calls(), "Bury")
}

func TestCrawler_SilentAndThereServesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	serves := 0
	w.serve = func(context.Context, fleet.ServeInput) error {
		serves++
		switch serves {
		case 1:
			return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)
		case 2: // its heartbeat failed: Temporal was away
			return context.Canceled
		}
		return activity.ErrResultPending
	}
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, 3, serves)
	require.NotContains(t, w.store.Calls(), "Bury")
	require.Contains(t, w.store.Calls(), "Retire")
}

func TestCrawler_SilentAndNotBackIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	serves := 0
	w.serve = func(context.Context, fleet.ServeInput) error {
		serves++
		if serves == 1 {
			return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)
		}
		return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	}
	in := w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Contains(t, w.store.Row(in.GUID).Reason, "not back within")
	require.Zero(t, w.provider.Running(), "what may still run is stopped")
}

func TestCrawler_WhoseServeKeepsFailingIsDrained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	serves := 0
	w.serve = func(context.Context, fleet.ServeInput) error {
		serves++
		return activities.ToTemporal(fleet.Errorf(fleet.CodeConflict, "this is another crawler"))
	}
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, 4, serves)
	require.Contains(t, w.store.Calls(), "Drain")
}

func TestCrawler_DrainWaitsForItsLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.lease(t, "t1") }, time.Second)
	w.RegisterDelayedCallback(func() {
		w.SignalWorkflow(fleet.SignalDrain, fleet.DrainRequest{Reason: "maintenance"})
	}, 2*time.Second)
	w.RegisterDelayedCallback(func() {
		require.Equal(t, 1, w.provider.Running(), "it runs as long as its ticket")
		_, err := w.store.Record(t.Context(), fleet.RecordRequest{Ticket: "t1", Outcome: fleet.OutcomeDone})
		require.NoError(t, err)
	}, 12*time.Second)
	in := w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Zero(t, w.provider.Running())
	require.Equal(t, "maintenance", w.store.Row(in.GUID).Reason)
	require.Empty(t, w.temporal.Messages("complete"), "nothing was left to be failed")
}

func TestCrawler_DrainEndsAtItsGraceAndBuriesWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.lease(t, "t1") }, time.Second)
	w.RegisterDelayedCallback(func() {
		w.SignalWorkflow(fleet.SignalDrain, fleet.DrainRequest{Grace: fleet.Duration(5 * time.Second)})
	}, 2*time.Second)
	began := w.Now()
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Less(t, w.Now().Sub(began), 20*time.Second)
	require.Len(t, w.temporal.Messages("complete"), 1)
}

func TestCrawler_DrainThatTakesWeeksIsLookedAtRarely(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.lease(t, "t1") }, time.Second)
	w.RegisterDelayedCallback(func() {
		w.SignalWorkflow(fleet.SignalDrain, fleet.DrainRequest{Reason: "smaller plan", Grace: fleet.Duration(30 * 24 * time.Hour)})
	}, 2*time.Second)
	w.RegisterDelayedCallback(func() {
		_, err := w.store.Record(t.Context(), fleet.RecordRequest{Ticket: "t1", Outcome: fleet.OutcomeDone})
		require.NoError(t, err)
	}, 20*24*time.Hour)
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	looks := 0
	for _, call := range w.store.Calls() {
		if call == "Drain" {
			looks++
		}
	}
	require.Less(t, looks, 1200, "a hundredth of its age between two looks")
	require.Greater(t, looks, 100)
}

func TestCrawler_OfTwoDrainsTheEarliestEndCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() { w.lease(t, "t1") }, time.Second)
	began := w.Now()
	drain := func(after, grace time.Duration) {
		w.RegisterDelayedCallback(func() {
			w.SignalWorkflow(fleet.SignalDrain, fleet.DrainRequest{Reason: grace.String(), Grace: fleet.Duration(grace)})
		}, after)
	}
	drain(2*time.Second, 30*24*time.Hour)
	drain(time.Minute, 10*time.Second)
	drain(62*time.Second, time.Hour) // later than what it has: nothing changes
	in := w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Less(t, w.Now().Sub(began), 2*time.Minute)
	require.Equal(t, "10s", w.store.Row(in.GUID).Reason)
}

func TestCrawler_CancelDrainsWithoutGrace(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{
		"while it is launched": time.Millisecond, "while it serves": 10 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if at < time.Second {
				w.hello = func(context.Context) (fleet.Hello, error) {
					return fleet.Hello{}, activity.ErrResultPending
				}
			}
			w.RegisterDelayedCallback(w.CancelWorkflow, at)
			w.crawler()
			require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
			require.Zero(t, w.provider.Running())
			require.Contains(t, w.store.Calls(), "Drain")
			require.Contains(t, w.store.Calls(), "Gone")
		})
	}
}

func TestCrawler_LaunchedByItsFirstActivityIsNotLaunchedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provider.Beside = true
	launches := 0
	w.SetOnActivityStartedListener(func(i *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if i.ActivityType.Name == activities.ActivityLaunch {
			launches++
		}
	})
	w.crawler()
	require.NoError(t, w.GetWorkflowError())
	require.Zero(t, launches)
	require.Equal(t, []string{"Launching", "Launched", "Serving", "Retire", "Gone"}, w.store.Calls())
	require.Zero(t, w.provider.Running())
}
