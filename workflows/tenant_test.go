package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func (w *world) tenant(document string) {
	w.ExecuteWorkflow(fleet.TenantWorkflow, json.RawMessage(document))
}

// tenantStatus asks the query.
func (w *world) tenantStatus(t *testing.T) fleet.TenantStatus {
	t.Helper()
	answer, err := w.QueryWorkflow(fleet.TenantQuery)
	require.NoError(t, err)
	var s fleet.TenantStatus
	require.NoError(t, answer.Get(&s))
	return s
}

// update sends an update after a time and keeps what came of it.
func (w *world) update(at time.Duration, name string, args ...any) *updated {
	u := &updated{}
	w.RegisterDelayedCallback(func() {
		w.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnReject:   func(err error) { u.rejected = err },
			OnAccept:   func() {},
			OnComplete: func(_ any, err error) { u.done, u.err = true, err },
		}, args...)
	}, at)
	return u
}

type updated struct {
	rejected, err error
	done          bool
}

func stepNames(s fleet.TenantStatus) (names []string) {
	for _, step := range s.Steps {
		names = append(names, step.Name)
	}
	return names
}

func TestTenant_IsProvisionedStepByStepAndDeletedWithProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(func() {
		s := w.tenantStatus(t)
		require.Equal(t, fleet.TenantReady, s.State)
		require.Equal(t, []string{"account row", "database", "queue", "proof crawler", "open for tickets"}, stepNames(s))
		for _, step := range s.Steps {
			require.True(t, step.Done, step.Name)
		}
		require.True(t, w.store.HasDatabase("beta"))
		require.Zero(t, w.provider.Running(), "the proof is stopped")
	}, time.Minute)
	deleted := w.update(2*time.Minute, fleet.TenantDelete)
	w.tenant(`{"tenant":"beta","name":"Beta"}`)

	require.NoError(t, w.GetWorkflowError())
	var s fleet.TenantStatus
	require.NoError(t, w.GetWorkflowResult(&s))
	require.True(t, deleted.done)
	require.Equal(t, fleet.TenantDeleted, s.State)
	require.Equal(t, []string{
		"closed for tickets", "tickets", "crawlers", "logs",
		"database", "rows", "workflows", "proof",
	}, stepNames(s))
	require.Equal(t, "tenants 1", s.Steps[5].Detail)
	require.Contains(t, s.Steps[7].Detail, "nothing is left")
	require.False(t, w.store.HasDatabase("beta"))
	require.Empty(t, w.store.Tenant("beta").State)
}

func TestTenant_DeletionEndsTicketsAndCrawlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guid := w.store.Crawler(1)
	w.lease(t, "running")
	w.lease(t, "orphan")
	w.temporal.Close(fleet.TicketWorkflowID("acme", "orphan"))
	w.temporal.On = w.obey(t)
	w.update(time.Minute, fleet.TenantDelete)
	w.tenant(`{"tenant":"acme"}`)

	require.NoError(t, w.GetWorkflowError())
	var s fleet.TenantStatus
	require.NoError(t, w.GetWorkflowResult(&s))
	require.Equal(t, "2 cancelled", s.Steps[1].Detail)
	require.Equal(t, "1 stopped", s.Steps[2].Detail)
	require.Equal(t, "tenants 1, tickets 2", s.Steps[5].Detail)
	require.Equal(t, fleet.CrawlerGone, w.store.Row(guid).State)
	calls := w.store.Calls()
	require.Less(t, slices.Index(calls, "Gone"), slices.Index(calls, "EraseTenant"))
}

// obey does what tickets and crawlers do when they are cancelled and drained.
func (w *world) obey(t *testing.T) func(m activitytest.Message) {
	return func(m activitytest.Message) {
		switch {
		case m.Kind == "cancel" && m.WorkflowID == fleet.TicketWorkflowID("acme", "running"):
			_, err := w.store.Record(t.Context(), fleet.RecordRequest{
				Tenant: "acme", Ticket: "running", Outcome: fleet.OutcomeCancelled,
			})
			require.NoError(t, err)
		case m.Name == fleet.SignalDrain:
			for _, row := range w.rows(t) {
				_, err := w.store.Bury(t.Context(), row.GUID, "drained")
				require.NoError(t, err)
				// Its books are closed a little later: the rows are there until then.
				time.AfterFunc(100*time.Millisecond, func() {
					_, err := w.store.Gone(context.Background(), row.GUID, time.Now())
					assert.NoError(t, err)
					w.temporal.Close(fleet.CrawlerWorkflowID("acme", row.GUID))
				})
			}
		}
	}
}

func (w *world) rows(t *testing.T) []fleet.CrawlerRow {
	rows, err := w.store.Crawlers(t.Context(), "acme")
	require.NoError(t, err)
	return rows
}

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

func TestTenant_ThatExistsIsTakenOverAndNeverUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	w.tenant(`{"tenant":"acme"}`)
	require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
	require.True(t, w.store.HasDatabase("acme"))
	require.Equal(t, []string{"OpenTenant"}, w.store.Calls())
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

func TestTenant_WhoseDeletionWasCutShortIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.SetState("acme", fleet.TenantDeleting)
	w.tenant(`{"tenant":"acme"}`)
	require.NoError(t, w.GetWorkflowError())
	require.False(t, w.store.HasDatabase("acme"))
}

func TestTenant_ApplyIsCheckedStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	field := w.update(time.Minute, fleet.TenantApply, json.RawMessage(`{"tenant":"acme","plan":{"crawlers":2}}`))
	limit := w.update(time.Minute, fleet.TenantApply, json.RawMessage(`{"tenant":"acme","plan":{"maxCrawlers":2000}}`))
	other := w.update(time.Minute, fleet.TenantApply, json.RawMessage(`{"tenant":"beta"}`))
	good := w.update(2*time.Minute, fleet.TenantApply, json.RawMessage(`{"tenant":"acme","name":"Acme","plan":{"maxCrawlers":2}}`))
	w.RegisterDelayedCallback(func() {
		s := w.tenantStatus(t)
		require.Equal(t, "Acme", s.Name)
		require.Equal(t, 2, s.Plan.MaxCrawlers)
		require.Equal(t, 4, s.Plan.SlotsPerCrawler, "defaults are shown")
	}, 3*time.Minute)
	w.RegisterDelayedCallback(w.CancelWorkflow, 4*time.Minute)
	w.tenant(`{"tenant":"acme"}`)

	require.Equal(t, "crawlers", activities.FromTemporal(field.rejected).Field)
	require.Equal(t, "plan.maxCrawlers", activities.FromTemporal(limit.rejected).Field)
	require.Equal(t, "tenant", activities.FromTemporal(other.rejected).Field)
	require.True(t, good.done)
	require.NoError(t, good.err)
	require.Equal(t, 1, w.count("SetPlan"))
	require.Equal(t, 2, w.store.Tenant("acme").Plan.MaxCrawlers)
}

func TestTenant_UpdatesAreRefusedBeforeItIsReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Fail("ReserveProof", errors.New("database is locked"))
	apply := w.update(time.Second, fleet.TenantApply, json.RawMessage(`{"tenant":"beta"}`))
	remove := w.update(time.Second, fleet.TenantDelete)
	w.RegisterDelayedCallback(w.CancelWorkflow, 2*time.Second)
	w.tenant(`{"tenant":"beta"}`)
	require.Equal(t, fleet.CodeTenantNotReady, activities.FromTemporal(apply.rejected).Code)
	require.Equal(t, fleet.CodeTenantNotReady, activities.FromTemporal(remove.rejected).Code)
}

func TestTenant_RefusesAWrongDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tenant(`{"tenant":"Beta!"}`)
	e := activities.FromTemporal(w.GetWorkflowError())
	require.Equal(t, fleet.CodeInvalid, e.Code)
	require.Equal(t, "tenant", e.Field)
	require.Empty(t, w.store.Calls())
}

func TestTenant_ContinuingAsNewIsInvisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var before fleet.TenantStatus
	w.update(2*time.Minute, fleet.TenantApply, json.RawMessage(`{"tenant":"beta","plan":{"maxCrawlers":3}}`))
	w.RegisterDelayedCallback(func() {
		before = w.tenantStatus(t)
		w.SetContinueAsNewSuggested(true)
		w.SignalWorkflow("anything that starts a task", nil)
	}, 3*time.Minute)
	w.tenant(`{"tenant":"beta"}`)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, w.GetWorkflowError(), &again)
	var document json.RawMessage
	var carry any
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &document, &carry))

	next := newWorldOver(w.store)
	next.RegisterDelayedCallback(func() { require.Equal(t, before, next.tenantStatus(t)) }, time.Minute)
	next.RegisterDelayedCallback(next.CancelWorkflow, 2*time.Minute)
	next.ExecuteWorkflow(fleet.TenantWorkflow, document, carry)
	require.True(t, temporal.IsCanceledError(next.GetWorkflowError()))
	require.Equal(t, 3, before.Plan.MaxCrawlers)
	require.Equal(t, 1, w.count("ReserveProof"), "it is proven once")
}

// continued starts the next run of a tenant that is as before says, by a document that an
// update has made old, and tells what its row was when the run began.
func (w *world) continued(before fleet.TenantStatus, row fleet.TenantStatus) {
	var a *activities.Tenants
	w.OnActivity(a.OpenAccount, mock.Anything, mock.Anything).After(2*time.Second).Return(row, nil)
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Hour)
	w.ExecuteWorkflow(fleet.TenantWorkflow, json.RawMessage(`{"tenant":"beta"}`), before)
}

func TestTenant_AnUpdateThatComesWhileItContinuesStands(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{"at once": 0, "before its row is read": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newWorld(t)
			first.RegisterDelayedCallback(first.CancelWorkflow, time.Hour)
			first.tenant(`{"tenant":"beta"}`)
			before := first.tenantStatus(t)
			require.Equal(t, fleet.TenantReady, before.State)
			require.NotEqual(t, 3, before.Plan.MaxCrawlers)

			w := newWorldOver(first.store)
			u := w.update(at, fleet.TenantPlan, json.RawMessage(`{"plan":{"maxCrawlers":3}}`))
			s := w.update(at, fleet.TenantSuspend, json.RawMessage(`{"reason":"unpaid"}`))
			w.RegisterDelayedCallback(func() {
				now := w.tenantStatus(t)
				require.Equal(t, 3, now.Plan.MaxCrawlers)
				require.Equal(t, fleet.TenantSuspended, now.State)
				require.Equal(t, "unpaid", now.Reason)
			}, time.Minute)
			w.continued(before, before)
			for _, u := range []*updated{u, s} {
				require.NoError(t, u.rejected)
				require.NoError(t, u.err)
				require.True(t, u.done)
			}
			require.Equal(t, 3, first.store.Tenant("beta").Plan.MaxCrawlers)
		})
	}
}

// Its row says that it is ready a moment before its workflow has heard of that.
func TestTenant_AnUpdateWaitsForTheMomentAfterItsRowIsReady(t *testing.T) {
	t.Parallel()
	var a *activities.Tenants
	opening := func(err error) *updated {
		w := newWorld(t)
		w.OnActivity(a.MoveTenant, mock.Anything, mock.MatchedBy(func(in activities.MoveInput) bool {
			return in.State == fleet.TenantReady
		})).After(2 * time.Second).Return(err)
		w.OnActivity(a.MoveTenant, mock.Anything, mock.Anything).Return(nil)
		w.OnActivity(a.OpenAccount, mock.Anything, mock.Anything).After(10 * time.Second).Return(w.store.OpenTenant)
		early := w.update(5*time.Second, fleet.TenantPlan, json.RawMessage(`{"plan":{"maxCrawlers":3}}`))
		u := w.update(11*time.Second, fleet.TenantPlan, json.RawMessage(`{"plan":{"maxCrawlers":3}}`))
		w.RegisterDelayedCallback(w.CancelWorkflow, time.Hour)
		w.tenant(`{"tenant":"beta"}`)
		require.Equal(t, fleet.CodeTenantNotReady, fleet.CodeOf(activities.FromTemporal(early.rejected)))
		return u
	}
	u := opening(nil)
	require.NoError(t, u.rejected)
	require.NoError(t, u.err)
	require.True(t, u.done)
	u = opening(activities.ToTemporal(fleet.Errorf(fleet.CodeConflict, "it is gone")))
	require.NoError(t, u.rejected)
	require.Equal(t, fleet.CodeTenantNotReady, fleet.CodeOf(activities.FromTemporal(u.err)))
}
