package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// handlers registers the query and the updates. Validators reject, handlers change.
func (t *tenant) handlers(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, fleet.TenantQuery,
		func() (fleet.TenantStatus, error) { return t.status, nil },
		workflow.QueryHandlerOptions{Description: "state, plan and steps"}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, fleet.TenantApply, t.apply,
		workflow.UpdateHandlerOptions{
			Validator:   t.checkApply,
			Description: "change plan, name and labels (a whole tenant document)",
		}); err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, fleet.TenantDelete, t.askDelete,
		workflow.UpdateHandlerOptions{
			Validator:   t.checkDelete,
			Description: "cancel the tickets, stop the crawlers, remove database and rows",
		})
}

// checkApply reads the document as the activity will: parsing is pure.
func (t *tenant) checkApply(document json.RawMessage) error {
	in, err := fleet.ParseTenant(document)
	if err != nil {
		return activities.ToTemporal(err)
	}
	if err := t.open(); err != nil {
		return err
	}
	if in.Tenant != t.status.Tenant {
		return activities.ToTemporal(fleet.Invalid("tenant",
			fmt.Sprintf("is %q", in.Tenant), fmt.Sprintf("%q, which this workflow is", t.status.Tenant)))
	}
	return nil
}

// open refuses what a tenant that is not ready cannot take.
func (t *tenant) open() error {
	if t.status.State == fleet.TenantReady && !t.leaving {
		return nil
	}
	return activities.ToTemporal(fleet.Errorf(fleet.CodeTenantNotReady,
		fmt.Sprintf("tenant %s is %s", t.status.Tenant, t.status.State)))
}

func (t *tenant) apply(ctx workflow.Context, document json.RawMessage) (fleet.TenantStatus, error) {
	var a *activities.Tenants
	var in fleet.TenantInput
	if err := workflow.ExecuteLocalActivity(local(ctx, "change the plan"), a.ChangePlan, document).
		Get(ctx, &in); err != nil {
		return t.status, plain(err)
	}
	t.document, t.in = document, in
	t.status.Name, t.status.Plan = in.Name, in.Plan.WithDefaults()
	return t.status, nil
}

func (t *tenant) checkDelete() error {
	if t.leaving {
		return nil // asked before: the same answer
	}
	return t.open()
}

// askDelete answers at once; the workflow's end is the proof.
func (t *tenant) askDelete(ctx workflow.Context) (fleet.TenantStatus, error) {
	if !t.leaving {
		t.leaving = true
		t.at(ctx, fleet.TenantDeleting)
	}
	return t.status, nil
}
