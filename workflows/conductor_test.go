package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// conductor runs the Conductor of acme.
func (w *world) conductor() {
	w.ExecuteWorkflow(fleet.ConductorWorkflow, fleet.ConductorInput{Tenant: "acme"})
}

// decides answers these decisions, one after the other, instead of the store.
func (w *world) decides(all ...fleet.Decision) {
	for i, d := range all {
		call := w.OnActivity(activities.ActivityDecide, mock.Anything, mock.Anything).Return(d, nil)
		if i < len(all)-1 {
			call.Once()
		}
	}
}

func TestConductor_StartsWhatIsReservedAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lease(t, "t1") // it waits
	var started []fleet.CrawlerInput
	w.OnWorkflow(fleet.CrawlerWorkflow, mock.Anything, mock.Anything).Return(
		func(ctx workflow.Context, in fleet.CrawlerInput) (fleet.Hello, error) {
			require.Equal(t, fleet.CrawlerWorkflowID("acme", in.GUID), workflow.GetInfo(ctx).WorkflowExecution.ID)
			started = append(started, in)
			return fleet.Hello{}, workflow.Sleep(ctx, time.Hour)
		})
	w.conductor()
	require.NoError(t, w.GetWorkflowError())
	require.Len(t, started, 1)
}

func TestConductor_ACrawlerThatRunsAlreadyIsFine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := fleet.CrawlerInput{Tenant: "acme", GUID: activitytest.GUID(1)}
	w.decides(fleet.Decision{Version: 1, Starts: []fleet.CrawlerInput{in, in}})
	w.OnWorkflow(fleet.CrawlerWorkflow, mock.Anything, mock.Anything).Return(fleet.Hello{}, nil).After(time.Minute)
	w.conductor()
	require.NoError(t, w.GetWorkflowError())
}

func TestConductor_DrainsWhatThePlanNoLongerAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, gone := activitytest.GUID(1), activitytest.GUID(2)
	w.decides(fleet.Decision{Version: 1, Drains: []fleet.GUID{gone, here}})
	w.OnSignalExternalWorkflow(mock.Anything, fleet.CrawlerWorkflowID("acme", gone), "",
		fleet.SignalDrain, mock.Anything).Return(errors.New("unknown external workflow")).Once()
	w.OnSignalExternalWorkflow(mock.Anything, fleet.CrawlerWorkflowID("acme", here), "",
		fleet.SignalDrain, mock.Anything).Return(nil).Once()
	w.conductor()
	require.NoError(t, w.GetWorkflowError())
	w.AssertExpectations(t)
}

func TestConductor_DecidesAgainOnDemandAndWhenItIsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	w.decides(
		fleet.Decision{Version: 1, Wake: began.Add(time.Hour), Reason: "cools down"},
		fleet.Decision{Version: 1, Wake: began.Add(time.Hour), Reason: "still"},
		fleet.Decision{Version: 1, Reason: "done"},
	)
	w.RegisterDelayedCallback(func() { w.SignalWorkflow(fleet.SignalDemand, nil) }, time.Minute)
	w.conductor()
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, time.Hour, w.Now().Sub(began).Round(time.Second))
	answer, err := w.QueryWorkflow(fleet.ConductorQuery)
	require.NoError(t, err)
	var last fleet.Decision
	require.NoError(t, answer.Get(&last))
	require.Equal(t, "done", last.Reason)
	w.AssertNumberOfCalls(t, activities.ActivityDecide, 3)
}

func TestConductor_DemandThatComesWhileItDecidesIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	decisions := 0
	w.OnActivity(activities.ActivityDecide, mock.Anything, mock.Anything).Return(
		func(context.Context, fleet.ConductorInput) (fleet.Decision, error) {
			decisions++
			if decisions == 1 {
				w.SignalWorkflow(fleet.SignalDemand, nil)
				w.SignalWorkflow(fleet.SignalDemand, nil)
			}
			return fleet.Decision{Version: 1}, nil
		})
	w.conductor()
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, 2, decisions, "two signals, one more decision")
}

func TestConductor_OfNobodyEndsWithAClearError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ExecuteWorkflow(fleet.ConductorWorkflow, fleet.ConductorInput{Tenant: "nobody"})
	require.Equal(t, fleet.CodeNotFound, w.code(t))

	w = newWorld(t)
	w.ExecuteWorkflow(fleet.ConductorWorkflow, fleet.ConductorInput{})
	require.Equal(t, fleet.CodeInvalid, w.code(t))
}

func TestConductor_ContinuesAsNewAndDropsNothing(t *testing.T) {
	t.Parallel()
	for name, suggested := range map[string]bool{"when it is suggested": true, "after many rounds": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.SetContinueAsNewSuggested(suggested)
			w.OnActivity(activities.ActivityDecide, mock.Anything, mock.Anything).Return(
				func(context.Context, fleet.ConductorInput) (fleet.Decision, error) {
					return fleet.Decision{Version: 1, Wake: w.Now().Add(time.Minute)}, nil
				})
			w.conductor()
			var again *workflow.ContinueAsNewError
			require.ErrorAs(t, w.GetWorkflowError(), &again)
			require.Equal(t, fleet.ConductorWorkflow, again.WorkflowType.Name)
		})
	}
}

func TestConductor_CancelledEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.decides(fleet.Decision{Version: 1, Wake: w.Now().Add(time.Hour)})
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.conductor()
	require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
}

func TestConductor_ANewerVersionWaitsForItsWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.decides(fleet.Decision{Version: 99})
	w.conductor()
	require.ErrorContains(t, w.GetWorkflowError(), "version 99 was recorded")
}
