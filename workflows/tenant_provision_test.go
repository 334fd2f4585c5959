package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTenant_AFailedStepIsUndoneInReverse(t *testing.T) {
	t.Parallel()
	refused := fleet.Errorf(fleet.CodeQuota, "no more of these")
	for name, c := range map[string]struct {
		set  func(*world)
		step string
		code fleet.Code
		undo []string // the last calls
	}{
		"account row": {
			func(w *world) { w.store.Fail("OpenTenant", refused) },
			"account row", fleet.CodeQuota,
			[]string{"OpenTenant"},
		},
		"database": {
			func(w *world) { w.store.Fail("Create", refused) },
			"database", fleet.CodeQuota,
			[]string{"Create", "Destroy", "SetTenant:failed"},
		},
		"queue": {
			func(w *world) {
				w.temporal.Err = errors.New("connection refused") // for longer than a step may take
			},
			"queue", fleet.CodeInternal,
			[]string{"Create", "Destroy", "SetTenant:failed"},
		},
		"reserving the proof": {
			func(w *world) { w.store.Fail("ReserveProof", refused) },
			"proof crawler", fleet.CodeQuota,
			[]string{"ReserveProof", "Destroy", "SetTenant:failed"},
		},
		"the proof itself": {
			func(w *world) { w.provider.Errors = []error{w.provider.Refusal(fleet.ClassFatal)} },
			"proof crawler", fleet.CodeCapacity,
			[]string{"Gone", "Destroy", "SetTenant:failed"},
		},
		"opening": {
			func(w *world) { w.store.Fail("SetTenant:ready", refused) },
			"open for tickets", fleet.CodeQuota,
			[]string{"SetTenant:ready", "Destroy", "SetTenant:failed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.set(w)
			w.tenant(`{"tenant":"beta"}`)
			e := activities.FromTemporal(w.GetWorkflowError())
			require.NotNil(t, e)
			require.Equal(t, c.code, e.Code)
			s := w.tenantStatus(t)
			require.Equal(t, fleet.TenantFailed, s.State)
			last := s.Steps[len(s.Steps)-1]
			require.Equal(t, c.step, last.Name)
			require.False(t, last.Done)
			calls := w.store.Calls()
			require.Equal(t, c.undo, calls[len(calls)-len(c.undo):])
			require.False(t, w.store.HasDatabase("beta"))
			require.Zero(t, w.provider.Running())
		})
	}
}

func TestTenant_CancelWhileItIsProvisionedUndoesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Fail("ReserveProof", errors.New("database is locked"))
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Second)
	w.tenant(`{"tenant":"beta"}`)
	require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
	require.False(t, w.store.HasDatabase("beta"))
	require.Equal(t, fleet.TenantFailed, w.store.Tenant("beta").State)
}

func TestTenant_ThatFailedIsTriedAgainWithItsNewPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.SetState("beta", fleet.TenantFailed)
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.tenant(`{"tenant":"beta","plan":{"maxCrawlers":9}}`)
	require.Equal(t, fleet.TenantReady, w.store.Tenant("beta").State)
	require.Equal(t, 9, w.store.Tenant("beta").Plan.MaxCrawlers)
}

func TestTenant_WaitsForAProofThatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	starts := 0
	w.OnWorkflow(fleet.CrawlerWorkflow, mock.Anything, mock.Anything).Return(
		func(workflow.Context, fleet.CrawlerInput) (fleet.Hello, error) {
			starts++
			if starts < 3 {
				return fleet.Hello{}, &temporal.ChildWorkflowExecutionAlreadyStartedError{}
			}
			return fleet.Hello{}, nil
		})
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.tenant(`{"tenant":"beta"}`)
	require.Equal(t, fleet.TenantReady, w.store.Tenant("beta").State)
	require.Equal(t, 3, starts)
}

func TestTenant_ProvesAgainWhenAWorkerDiedInTheLaunchOfItsProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	starts := 0
	w.OnWorkflow(fleet.CrawlerWorkflow, mock.Anything, mock.Anything).Return(
		func(workflow.Context, fleet.CrawlerInput) (fleet.Hello, error) {
			starts++
			if starts < 2 {
				return fleet.Hello{}, activities.ToTemporal(
					fleet.Errorf(fleet.CodeCrawlerLost, "the control worker ended in the middle of its launch"))
			}
			return fleet.Hello{}, nil
		})
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.tenant(`{"tenant":"beta"}`)
	require.Equal(t, fleet.TenantReady, w.store.Tenant("beta").State)
	require.Equal(t, 2, starts)
}
