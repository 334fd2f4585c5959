package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// handlers registers the query and the updates. Validators reject, handlers change,
// one after the other.
func (t *tenant) handlers(ctx workflow.Context) error {
	t.turn = workflow.NewMutex(ctx)
	if err := workflow.SetQueryHandlerWithOptions(ctx, fleet.TenantQuery,
		func() (fleet.TenantStatus, error) { return t.status, nil },
		workflow.QueryHandlerOptions{Description: "state, plan, keys and steps"}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, fleet.TenantApply, t.apply,
		workflow.UpdateHandlerOptions{
			Validator:   t.checkApply,
			Description: "change plan, name, labels and webhooks (a whole tenant document)",
		}); err != nil {
		return err
	}
	for _, register := range []func(workflow.Context) error{
		update[fleet.PlanRequest, fleet.TenantStatus]{
			fleet.TenantPlan, `change parts of the plan: {"plan":{"maxCrawlers":3}}`,
			anything[fleet.PlanRequest](t.open), t.replan,
		}.register,
		update[fleet.SuspendRequest, fleet.TenantStatus]{
			fleet.TenantSuspend, `drain to zero, tickets wait: {"reason":"…","grace":"30s"}`,
			anything[fleet.SuspendRequest](t.open), t.suspend,
		}.register,
		update[fleet.ResumeRequest, fleet.TenantStatus]{
			fleet.TenantResume, "let a suspended tenant go on",
			anything[fleet.ResumeRequest](t.open), t.resume,
		}.register,
		update[fleet.KeyRequest, fleet.KeyRow]{
			fleet.TenantAddKey, `give a key to the tenant's pages: {"name":"…","digest":"its SHA-256"}`,
			anything[fleet.KeyRequest](t.open), t.addKey,
		}.register,
		update[fleet.RevokeRequest, fleet.KeyRow]{
			fleet.TenantRevokeKey, `end a key at once: {"name":"…"}`,
			anything[fleet.RevokeRequest](t.open), t.revokeKey,
		}.register,
		update[fleet.DeleteRequest, fleet.TenantStatus]{
			fleet.TenantDelete, "remove everything that carries the tenant's name but the ledger",
			anything[fleet.DeleteRequest](t.checkDelete), t.askDelete,
		}.register,
	} {
		if err := register(ctx); err != nil {
			return err
		}
	}
	return nil
}

// anything is a check that does not depend on what is asked.
func anything[R any](check func() error) func(R) error { return func(R) error { return check() } }

// checkApply reads the document as the activity will: parsing is pure.
func (t *tenant) checkApply(document json.RawMessage) error {
	in, err := fleet.ParseTenant(document)
	if err != nil {
		return activities.ToTemporal(err)
	}
	if err := t.open(); err != nil {
		return activities.ToTemporal(err)
	}
	if in.Tenant != t.status.Tenant {
		return activities.ToTemporal(fleet.Invalid("tenant",
			fmt.Sprintf("is %q", in.Tenant), fmt.Sprintf("%q, which this workflow is", t.status.Tenant)))
	}
	return nil
}

// open refuses what only a tenant that is provisioned, and is to stay, can take.
func (t *tenant) open() error {
	switch t.status.State {
	case fleet.TenantReady, fleet.TenantSuspended:
		if !t.leaving {
			return nil
		}
	case fleet.TenantProvisioning: // who has read that it is ready is not refused
		if t.opening {
			return nil
		}
	}
	return t.notReady("wait until it is ready: crawlfleet tenant show")
}

func (t *tenant) notReady(hint string) error {
	state := t.status.State
	if t.leaving {
		state, hint = fleet.TenantDeleting, "it is being deleted; its name is free again after that"
	}
	return fleet.Errorf(fleet.CodeTenantNotReady,
		fmt.Sprintf("tenant %s is %s", t.status.Tenant, state)).WithHint(hint)
}

// checkDelete lets an account be deleted in any state but in the midst of being
// provisioned: those steps would go on beside it. Before its state is known nothing
// of it has been done, so that a failed account can be deleted by its next start.
func (t *tenant) checkDelete() error {
	if t.leaving || t.status.State == "" {
		return nil // asked before: the same answer
	}
	if t.status.State == fleet.TenantProvisioning {
		return t.notReady("wait until it is ready, or cancel its workflow, which undoes what was done")
	}
	return t.open()
}

// askDelete answers when the deletion has begun; the workflow's end is the proof.
func (t *tenant) askDelete(ctx workflow.Context, r fleet.DeleteRequest) (fleet.TenantStatus, error) {
	if !t.leaving {
		t.leaving, t.farewell = true, r
		if t.status.State != "" {
			t.at(ctx, fleet.TenantDeleting)
		}
	}
	err := workflow.Await(ctx, func() bool { return t.status.Tenant != "" }) // read by then
	return t.status, err
}
