package workflows_test

import (
	"context"
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
