package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// saga is the reverse stack of what has to be undone.
type saga struct {
	undo []func(workflow.Context) error
}

// step is one named step of provisioning. Its undo is registered before it is
// done: a step that fails half way is undone too.
type step struct {
	name string
	do   func(workflow.Context) (detail string, err error)
	undo func(workflow.Context) error
}

// provision opens the account. A failure undoes what was done, in reverse, and is
// the workflow's error; the tenant's row stays, failed, with the reason.
func (t *tenant) provision(ctx workflow.Context) error {
	if !t.continued {
		t.at(ctx, fleet.TenantProvisioning)
	}
	existing, err := t.account(ctx)
	if err != nil {
		return err
	}
	if t.leaving {
		return nil
	}
	switch existing.State {
	case fleet.TenantReady, fleet.TenantSuspended:
		t.takeOver(ctx, existing)
		return nil
	case fleet.TenantDeleting: // a deletion that was cut short
		t.leaving = true
		return nil
	}
	s := &saga{}
	s.undo = append(s.undo, t.undoAccount)
	if existing.State == fleet.TenantFailed { // another try, perhaps with another plan
		if err := t.again(ctx); err != nil {
			return err
		}
	}
	for _, step := range t.steps() {
		if err := t.take(ctx, s, step); err != nil {
			t.opening = false
			return t.compensate(ctx, s, step.name, err)
		}
	}
	t.at(ctx, fleet.TenantReady)
	t.opening = false
	return nil
}

// account is the first step. It alone may find that the tenant exists, and what
// exists is never undone.
func (t *tenant) account(ctx workflow.Context) (fleet.TenantStatus, error) {
	var a *activities.Tenants
	var status fleet.TenantStatus
	open := func(ctx workflow.Context) (string, error) {
		err := workflow.ExecuteActivity(
			workflow.WithActivityOptions(ctx, stepOptions("write the account's row")), a.OpenAccount, t.in).Get(ctx, &status)
		if status.State == fleet.TenantProvisioning { // it is new
			return "", err
		}
		return "it was there, " + string(status.State), err
	}
	var err error
	if t.continued { // the steps of the first run stay those that are shown
		_, err = open(ctx)
	} else {
		err = t.take(ctx, &saga{}, step{name: "account row", do: open})
	}
	if err != nil {
		t.status.Error = activities.FromTemporal(err)
		t.at(ctx, fleet.TenantFailed)
		return status, plain(err)
	}
	return status, nil
}

// takeOver goes on with an account whose workflow had been terminated, or continues as
// new: nothing may be undone here.
func (t *tenant) takeOver(ctx workflow.Context, row fleet.TenantStatus) {
	if t.changed { // since the row was read, or in the moment before
		t.at(ctx, t.status.State)
		return
	}
	t.in.Name, t.in.Plan = row.Name, row.Plan
	t.status.Name, t.status.Plan, t.status.Reason = row.Name, row.Plan, row.Reason
	if row.Keys != nil {
		t.status.Keys = row.Keys
	}
	t.at(ctx, row.State)
}

// again gives a row that an earlier try left behind the plan of today's document.
func (t *tenant) again(ctx workflow.Context) error {
	var a *activities.Tenants
	return plain(workflow.ExecuteLocalActivity(local(ctx, "try again, with the plan of this document"),
		a.ChangePlan, t.document).Get(ctx, nil))
}

func (t *tenant) undoAccount(ctx workflow.Context) error {
	var a *activities.Tenants
	reason := "provisioning failed"
	if t.status.Error != nil {
		reason = t.status.Error.Error()
	}
	return erase(ctx, "undo: note that the account failed", nil, a.MoveTenant,
		activities.MoveInput{Tenant: t.in.Tenant, State: fleet.TenantFailed, Reason: reason})
}

// steps are those after the account's row, in order.
func (t *tenant) steps() []step {
	var a *activities.Tenants
	id := t.in.Tenant
	call := func(ctx workflow.Context, said string, activity any, in ...any) error {
		return workflow.ExecuteActivity(
			workflow.WithActivityOptions(ctx, stepOptions(said)), activity, in...).Get(ctx, nil)
	}
	return []step{
		{
			name: "database",
			do: func(ctx workflow.Context) (string, error) {
				return "", call(ctx, "create the database", a.CreateDatabase, id)
			},
			undo: func(ctx workflow.Context) error {
				return erase(ctx, "undo: remove the database", nil, a.DestroyDatabase, id)
			},
		},
		{name: "queue", do: func(ctx workflow.Context) (string, error) {
			return fleet.ControlQueue, call(ctx, "check that workers poll its queue", a.CheckQueue)
		}},
		{name: "proof crawler", do: t.prove}, // its own workflow stops it, whatever happens here
		{name: "open for tickets", do: func(ctx workflow.Context) (string, error) {
			t.opening = true
			return "", call(ctx, "open it for tickets", a.MoveTenant,
				activities.MoveInput{Tenant: id, State: fleet.TenantReady, Reason: "provisioned"})
		}},
	}
}

// prove launches one crawler to its Hello and has it stopped again. The proof of a
// try that was cut short is waited for: a GUID has one life.
func (t *tenant) prove(ctx workflow.Context) (string, error) {
	for try := 1; ; try++ {
		var a *activities.Tenants
		var in fleet.CrawlerInput
		if err := workflow.ExecuteActivity(
			workflow.WithActivityOptions(ctx, stepOptions("reserve a crawler that proves it")),
			a.ReserveProof, t.in.Tenant).Get(ctx, &in); err != nil {
			return "", err
		}
		var hello fleet.Hello
		err := start(ctx, in).Get(ctx, &hello)
		switch {
		case err == nil:
			return fmt.Sprintf("%s at %s, address %s", hello.GUID, in.Offering, hello.Address), nil
		case try == proofTries || !innocent(err):
			return "", err
		}
		if err := workflow.NewTimerWithOptions(ctx, proofPause, workflow.TimerOptions{
			Summary: "wait for the end of an earlier proof",
		}).Get(ctx, nil); err != nil {
			return "", err
		}
	}
}

// innocent reports whether a proof has failed of nothing that it was to prove: an earlier
// one still runs, or a worker died in the middle of its launch.
func innocent(err error) bool {
	e := activities.FromTemporal(err)
	return temporal.IsWorkflowExecutionAlreadyStartedError(err) ||
		e != nil && e.Code == fleet.CodeCrawlerLost
}

// take does one step and notes how long it took.
func (t *tenant) take(ctx workflow.Context, s *saga, next step) error {
	at := len(t.status.Steps)
	t.status.Steps = append(t.status.Steps, fleet.TenantStep{Name: next.name})
	if next.undo != nil {
		s.undo = append(s.undo, next.undo)
	}
	began := workflow.Now(ctx)
	detail, err := next.do(ctx)
	if err != nil {
		detail = message(err)
	}
	t.status.Steps[at].Took = fleet.Duration(workflow.Now(ctx).Sub(began))
	t.status.Steps[at].Done, t.status.Steps[at].Detail = err == nil, detail
	t.at(ctx, t.status.State)
	return err
}

// compensate undoes in reverse, whatever happens to the workflow meanwhile.
func (t *tenant) compensate(ctx workflow.Context, s *saga, name string, cause error) error {
	t.status.Error = activities.FromTemporal(cause)
	if t.status.Error == nil {
		t.status.Error = fleet.Errorf(fleet.CodeInternal, message(cause))
	}
	t.status.Error.Message = name + ": " + t.status.Error.Message
	clean, _ := workflow.NewDisconnectedContext(ctx)
	for i := len(s.undo) - 1; i >= 0; i-- {
		if err := s.undo[i](clean); err != nil { // retried for ever, unless it can never be
			workflow.GetLogger(ctx).Error("undo a step of provisioning", "error", err)
		}
	}
	t.at(ctx, fleet.TenantFailed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return permanent(t.status.Error.Error(), string(t.status.Error.Code), t.status.Error)
}
