package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Tenant is an account, as long as it exists: provisioned step by step (and undone
// in reverse where a step fails), then open for tickets and for updates (plan,
// suspended and resumed, keys), then deleted with the proof of what was removed as its
// result. The
// document is read strictly by the first activity. A tenant that exists already is
// taken over as it is. Callers give the document alone: before is the tenant's own,
// when it continues as new.
func Tenant(
	ctx workflow.Context, document json.RawMessage, before *fleet.TenantStatus,
) (fleet.TenantStatus, error) {
	t := &tenant{document: document, continued: before != nil}
	if before != nil { // as updates find it that come before the document is read again
		t.status = *before
		t.in.Tenant = before.Tenant
	}
	if err := t.setup(ctx); err != nil {
		return t.status, err
	}
	return t.run(ctx)
}

type tenant struct {
	document  json.RawMessage // of today
	in        fleet.TenantInput
	status    fleet.TenantStatus
	continued bool           // an earlier run has provisioned it
	changed   bool           // by an update of this run: what it reads of its begin is older
	opening   bool           // its row may say ready: an update waits for the rest
	turn      workflow.Mutex // changes are made one after the other
	leaving   bool           // deletion was asked for
	farewell  fleet.DeleteRequest
}

func (t *tenant) setup(ctx workflow.Context) error {
	if err := t.handlers(ctx); err != nil {
		return err
	}
	var a *activities.Tenants
	var in fleet.TenantInput
	err := workflow.ExecuteLocalActivity(local(ctx, "admit: read the document strictly"), a.Admit, t.document).Get(ctx, &in)
	if err != nil {
		return plain(err)
	}
	if !t.changed {
		t.in = in
	}
	if !t.continued {
		t.status.Tenant, t.status.Name = in.Tenant, in.Name
		t.status.Labels, t.status.Webhooks = in.Labels, in.Webhooks
		t.status.Plan = in.Plan.WithDefaults()
	}
	return label(ctx, in.Tenant, "")
}

// run is the account's life.
func (t *tenant) run(ctx workflow.Context) (fleet.TenantStatus, error) {
	if err := t.provision(ctx); err != nil {
		return t.status, err
	}
	// An update under way may be the deletion: it is waited for, and looked at again.
	if err := workflow.Await(ctx, func() bool {
		return t.leaving || full(ctx) && workflow.AllHandlersFinished(ctx)
	}); err != nil {
		return t.status, err // cancelled: the account stays as it is, without its workflow
	}
	if !t.leaving { // the plan of today is the document of the next run
		return t.status,
			workflow.NewContinueAsNewError(ctx, fleet.TenantWorkflow, t.document, t.status)
	}
	if err := t.delete(ctx); err != nil {
		return t.status, err
	}
	return t.status, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
