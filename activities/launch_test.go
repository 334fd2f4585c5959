package activities_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestLaunch_HandsTheTokenToTheProviderOnly(t *testing.T) {
	t.Parallel()
	d := newDesk()
	var launched fleet.Spec
	d.provider.Started = func(s fleet.Spec) { launched = s }
	in := d.store.Reserve(2)
	instance, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "token of "+string(in.GUID), launched.Token.Reveal())
	require.Equal(t, fleet.Key{Fleet: "test", Tenant: "acme", GUID: in.GUID}, launched.Key)
	require.Equal(t, map[string]string{"A": "1"}, launched.Env)
	b, err := json.Marshal([]any{in, instance, launched})
	require.NoError(t, err)
	require.NotContains(t, string(b), "token of")

	_, err = d.machines.Launch(t.Context(), in) // again: the same one
	require.NoError(t, err)
	require.Equal(t, 1, d.provider.Running())
}

func TestLaunch_AFinishedOneIsNeverRunAgain(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	d.provider.Kill(in.GUID)
	_, err = d.machines.Launch(t.Context(), in)
	failure := activities.LaunchFailureFrom(in.GUID, err)
	require.Equal(t, fleet.ClassRetryable, failure.Class, "the place is not at fault")
	require.Equal(t, fleet.CodeCrawlerLost, failure.Error.Code, "another crawler may be launched")
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable(), "this one may not")
	require.False(t, failure.Ours, "perhaps it always ends so")

	d.provider.Cut = true
	_, err = d.machines.Launch(t.Context(), in)
	require.True(t, activities.LaunchFailureFrom(in.GUID, err).Ours, "it never ran")
}

func TestLaunch_CutShortByTheWorkersEndIsLeftToTheNextWorker(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	launch := func(stop chan struct{}) error {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerStopChannel(stop)
		env.RegisterActivity(d.machines.Launch)
		d.provider.Errors = []error{d.provider.Refusal(fleet.ClassAmbiguous)}
		_, err := env.ExecuteActivity(d.machines.Launch, in)
		return err
	}
	stopped := make(chan struct{})
	var app *temporal.ApplicationError
	require.ErrorAs(t, launch(stopped), &app)
	require.True(t, app.NonRetryable(), "its fate is unknown: never again with this GUID")
	close(stopped)
	require.ErrorAs(t, launch(stopped), &app)
	require.False(t, app.NonRetryable(), "the GUID is the key")
	require.ErrorContains(t, app, "worker's end")
}

func TestLaunch_ByAWorkerWithoutTheProviderIsFatal(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	in.Provider = "moon"
	_, err := d.machines.Launch(t.Context(), in)
	require.Equal(t, fleet.ClassFatal, activities.LaunchFailureFrom(in.GUID, err).Class)
}

func TestStop_GoesOnUntilTheProviderHasNone(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(d.machines)
	answer, err := env.ExecuteActivity(activities.ActivityStop, activities.MachineInput{
		Tenant: "acme", GUID: in.GUID, Provider: "memory",
	})
	require.NoError(t, err)
	var s activities.Stopped
	require.NoError(t, answer.Get(&s))
	require.False(t, s.At.IsZero())
	require.Zero(t, d.provider.Running())
}

func TestDescribe_OnlyTheProvidersWordIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	ask := activities.MachineInput{Tenant: "acme", GUID: in.GUID, Provider: "memory"}
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	got, err := d.machines.Describe(t.Context(), ask)
	require.NoError(t, err)
	require.False(t, got.Gone)
	d.provider.Kill(in.GUID)
	got, err = d.machines.Describe(t.Context(), ask)
	require.NoError(t, err)
	require.True(t, got.Gone)
	ask.Provider = "moon"
	_, err = d.machines.Describe(t.Context(), ask)
	require.Error(t, err, "not knowing is not gone")
}
