package workflows

import (
	"encoding/json"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// inTurn does one change after the other, none before the account is open, and none once
// deletion was asked for.
func (t *tenant) inTurn(ctx workflow.Context, do func() error) error {
	if err := t.turn.Lock(ctx); err != nil {
		return err
	}
	defer t.turn.Unlock()
	if err := workflow.Await(ctx, func() bool { return !t.opening }); err != nil {
		return err
	}
	if err := t.open(); err != nil { // it may have changed while this one waited
		return activities.ToTemporal(err)
	}
	if err := do(); err != nil {
		return plain(err)
	}
	t.changed = true
	return nil
}

func (t *tenant) apply(ctx workflow.Context, document json.RawMessage) (fleet.TenantStatus, error) {
	err := t.inTurn(ctx, func() error {
		var a *activities.Tenants
		var in fleet.TenantInput
		if err := workflow.ExecuteLocalActivity(local(ctx, "change plan, name, labels and webhooks"), a.ChangePlan, document).
			Get(ctx, &in); err != nil {
			return err
		}
		t.document, t.in = document, in
		t.status.Name, t.status.Labels, t.status.Webhooks = in.Name, in.Labels, in.Webhooks
		t.status.Plan = in.Plan.WithDefaults()
		t.at(ctx, t.status.State)
		return nil
	})
	return t.status, err
}

func (t *tenant) replan(ctx workflow.Context, r fleet.PlanRequest) (fleet.TenantStatus, error) {
	var a *activities.Tenants
	return t.steer(ctx, "change parts of the plan", a.Replan, r)
}

func (t *tenant) suspend(ctx workflow.Context, r fleet.SuspendRequest) (fleet.TenantStatus, error) {
	var a *activities.Tenants
	return t.steer(ctx, "suspend: drain to zero, tickets wait", a.Suspend, r)
}

func (t *tenant) resume(ctx workflow.Context, r fleet.ResumeRequest) (fleet.TenantStatus, error) {
	var a *activities.Tenants
	return t.steer(ctx, "resume: tickets go on", a.Resume, r)
}

// steer has the desk change the account and takes over how it is then.
func (t *tenant) steer(
	ctx workflow.Context, said string, activity, request any,
) (fleet.TenantStatus, error) {
	err := t.inTurn(ctx, func() error {
		var now fleet.TenantStatus
		err := workflow.ExecuteLocalActivity(local(ctx, said), activity, t.in.Tenant, request).
			Get(ctx, &now)
		if err != nil {
			return err
		}
		t.in.Plan, t.status.Plan, t.status.Reason = now.Plan, now.Plan, now.Reason
		if !t.leaving {
			t.at(ctx, now.State)
		}
		return nil
	})
	return t.status, err
}

func (t *tenant) addKey(ctx workflow.Context, r fleet.KeyRequest) (fleet.KeyRow, error) {
	var a *activities.Tenants
	return t.key(ctx, "add the key "+r.Name, a.AddKey, r)
}

func (t *tenant) revokeKey(ctx workflow.Context, r fleet.RevokeRequest) (fleet.KeyRow, error) {
	var a *activities.Tenants
	return t.key(ctx, "revoke the key "+r.Name, a.RevokeKey, r)
}

// key changes one key. The status names those that are not revoked.
func (t *tenant) key(
	ctx workflow.Context, said string, activity, request any,
) (row fleet.KeyRow, err error) {
	err = t.inTurn(ctx, func() error {
		err := workflow.ExecuteLocalActivity(local(ctx, said), activity, t.in.Tenant, request).
			Get(ctx, &row)
		if err != nil {
			return err
		}
		keys := slices.DeleteFunc(slices.Clone(t.status.Keys),
			func(k fleet.KeyRow) bool { return k.Name == row.Name })
		if row.RevokedAt.IsZero() {
			keys = append(keys, row)
		}
		t.status.Keys = keys
		t.at(ctx, t.status.State)
		return nil
	})
	return row, err
}
