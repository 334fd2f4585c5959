package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

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
