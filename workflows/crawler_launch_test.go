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
