package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
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

func (w *world) rows(t *testing.T) []fleet.CrawlerRow {
	rows, err := w.store.Crawlers(t.Context(), "acme")
	require.NoError(t, err)
	return rows
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
