package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// digest is what a key is known by.
var digest = strings.Repeat("ab", 32)

func TestTenant_ARequestThatIsWrongNamesItsFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ update, body, field string }{
		"plan":            {fleet.TenantPlan, `{"plan":{"maxCrawlers":2000}}`, "plan.maxCrawlers"},
		"plan of nothing": {fleet.TenantPlan, `{}`, "plan"},
		"suspend":         {fleet.TenantSuspend, `{"grace":"48h"}`, "grace"},
		"unknown":         {fleet.TenantSuspend, `{"why":"x"}`, "why"},
		"resume":          {fleet.TenantResume, `{"reason":"x"}`, "reason"},
		"key":             {fleet.TenantAddKey, `{"name":"ci","digest":"cfk_secret"}`, "digest"},
		"revoke":          {fleet.TenantRevokeKey, `{"name":"CI"}`, "name"},
		"delete":          {fleet.TenantDelete, `{"force":true}`, "force"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u := w.update(time.Minute, c.update, json.RawMessage(c.body))
			w.RegisterDelayedCallback(w.CancelWorkflow, 2*time.Minute)
			w.tenant(`{"tenant":"acme"}`)
			require.False(t, u.done)
			require.Equal(t, c.field, activities.FromTemporal(u.rejected).Field)
			require.Equal(t, []string{"OpenTenant"}, w.store.Calls())
		})
	}
}

func TestTenant_IsSuspendedAndResumedAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guid := w.store.Crawler(1)
	first := w.update(time.Minute, fleet.TenantSuspend, json.RawMessage(`{"reason":"unpaid","grace":"5s"}`))
	second := w.update(2*time.Minute, fleet.TenantSuspend) // nothing is an empty request
	plan := w.update(3*time.Minute, fleet.TenantPlan, json.RawMessage(`{"plan":{"maxCrawlers":7}}`))
	w.RegisterDelayedCallback(func() {
		s := w.tenantStatus(t)
		require.Equal(t, fleet.TenantSuspended, s.State)
		require.Equal(t, "unpaid", s.Reason, "the first reason stays")
		require.Equal(t, 7, s.Plan.MaxCrawlers)
		drains := w.temporal.Messages("signal")
		require.NotEmpty(t, drains)
		require.Equal(t, fleet.CrawlerWorkflowID("acme", guid), drains[0].WorkflowID)
		require.Equal(t, fleet.Duration(5*time.Second), drains[0].Arg.(fleet.DrainRequest).Grace)
	}, 4*time.Minute)
	resumed := w.update(5*time.Minute, fleet.TenantResume)
	again := w.update(6*time.Minute, fleet.TenantResume, json.RawMessage(`{"by":"ada@desk"}`))
	w.RegisterDelayedCallback(func() {
		require.Equal(t, fleet.TenantReady, w.tenantStatus(t).State)
		require.NotEmpty(t, w.temporal.Messages("start"), "its Conductor goes on with those who wait")
	}, 7*time.Minute)
	w.RegisterDelayedCallback(w.CancelWorkflow, 8*time.Minute)
	w.tenant(`{"tenant":"acme"}`)
	for _, u := range []*updated{first, second, plan, resumed, again} {
		require.True(t, u.done)
		require.NoError(t, u.rejected)
		require.NoError(t, u.err)
	}
}

func TestTenant_KeepsTheNamesOfItsKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := json.RawMessage(`{"name":"ci","digest":"` + digest + `"}`)
	added := w.update(time.Minute, fleet.TenantAddKey, body)
	repeated := w.update(2*time.Minute, fleet.TenantAddKey, body)
	other := w.update(3*time.Minute, fleet.TenantAddKey,
		json.RawMessage(`{"name":"ci","digest":"`+strings.Repeat("cd", 32)+`"}`))
	w.RegisterDelayedCallback(func() {
		keys := w.tenantStatus(t).Keys
		require.Len(t, keys, 1)
		require.Equal(t, "ci", keys[0].Name)
	}, 4*time.Minute)
	revoked := w.update(5*time.Minute, fleet.TenantRevokeKey, json.RawMessage(`{"name":"ci"}`))
	unknown := w.update(6*time.Minute, fleet.TenantRevokeKey, json.RawMessage(`{"name":"none"}`))
	w.RegisterDelayedCallback(func() { require.Empty(t, w.tenantStatus(t).Keys) }, 7*time.Minute)
	w.RegisterDelayedCallback(w.CancelWorkflow, 8*time.Minute)
	w.tenant(`{"tenant":"acme"}`)
	for _, u := range []*updated{added, repeated, revoked} {
		require.NoError(t, u.err)
	}
	require.Equal(t, fleet.CodeConflict, activities.FromTemporal(other.err).Code)
	require.Equal(t, fleet.CodeNotFound, activities.FromTemporal(unknown.err).Code)
}

func TestTenant_ThatIsSuspendedIsTakenOverSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.SetState("acme", fleet.TenantSuspended)
	w.RegisterDelayedCallback(func() {
		require.Equal(t, fleet.TenantSuspended, w.tenantStatus(t).State)
	}, time.Minute)
	w.RegisterDelayedCallback(w.CancelWorkflow, 2*time.Minute)
	w.tenant(`{"tenant":"acme"}`)
	require.Equal(t, []string{"OpenTenant"}, w.store.Calls())
}

func TestTenant_IsDeletedInAnyStateButInTheMidstOfItsProvisioning(t *testing.T) {
	t.Parallel()
	for state, at := range map[fleet.TenantState]time.Duration{
		fleet.TenantReady: time.Minute, fleet.TenantSuspended: time.Minute,
		fleet.TenantFailed: 0, // with its next start, before it looks at its account
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.store.SetState("acme", state)
			u := w.update(at, fleet.TenantDelete, json.RawMessage(`{"by":"ada@desk"}`))
			w.tenant(`{"tenant":"acme"}`)
			require.NoError(t, w.GetWorkflowError())
			require.NoError(t, u.rejected)
			require.True(t, u.done)
			require.NotContains(t, w.store.Calls(), "ReserveProof")
			require.Empty(t, w.store.Tenant("acme").State)
		})
	}
}
