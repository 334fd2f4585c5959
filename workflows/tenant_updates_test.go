package workflows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
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

	require.Equal(t, "plan.crawlers", activities.FromTemporal(field.rejected).Field)
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
