package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Delivery brings one message to one webhook: it is tried again for a day, less and
// less often, and then set aside. Started for a message that does not exist it ends
// with not_found.
func Delivery(ctx workflow.Context, in fleet.DeliveryInput) (fleet.DeliveryTry, error) {
	d := &delivery{
		in:  in,
		try: fleet.DeliveryTry{DeliveryRef: in.DeliveryRef, State: fleet.DeliveryPending},
	}
	if err := d.setup(ctx); err != nil {
		return d.try, err
	}
	return d.run(ctx)
}

type delivery struct {
	in  fleet.DeliveryInput
	try fleet.DeliveryTry // the last that is known
}

func (d *delivery) setup(ctx workflow.Context) error {
	return workflow.SetQueryHandlerWithOptions(ctx, fleet.DeliveryQuery,
		func() (fleet.DeliveryTry, error) { return d.try, nil },
		workflow.QueryHandlerOptions{Description: "where the message is, and why"})
}

func (d *delivery) run(ctx workflow.Context) (fleet.DeliveryTry, error) {
	var a *activities.Deliveries
	d.in.Retry = retried(d.in.Retry)
	describe(d.try.State, "tried again for up to %s, at most %s apart",
		spoken(d.in.Retry.For.Std()), spoken(d.in.Retry.Most.Std())).
		line("message", "`%s`", d.in.ID).
		moment("set aside at", workflow.Now(ctx).Add(d.in.Retry.For.Std())).show(ctx)
	sending := workflow.WithActivityOptions(ctx, sendOptions(d.in))
	err := workflow.ExecuteActivity(sending, a.Send, d.in).Get(ctx, nil)
	if err == nil {
		d.try.State = fleet.DeliveryDone
		describe(d.try.State, "").line("message", "`%s`", d.in.ID).
			moment("taken", workflow.Now(ctx)).show(ctx)
		return d.try, nil
	}
	return d.setAside(ctx, err)
}

// setAside gives the message up and ends with what was wrong at last. A cancel of the
// workflow is such an end too.
func (d *delivery) setAside(ctx workflow.Context, cause error) (fleet.DeliveryTry, error) {
	var a *activities.Deliveries
	why := activities.Reason(cause)
	if temporal.IsCanceledError(cause) {
		why = "cancelled"
	}
	d.try.State, d.try.Error = fleet.DeliverySetAside, why
	describe(d.try.State, "%s", why).line("message", "`%s`", d.in.ID).
		moment("since", workflow.Now(ctx)).
		line("bring it again", "`crawlfleet ticket redeliver`").show(ctx)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	try := d.try
	try.Since = workflow.GetInfo(ctx).WorkflowStartTime
	aside := workflow.ExecuteLocalActivity(local(ctx, "set the message aside: "+why), a.SetAside, try)
	if err := aside.Get(ctx, nil); err != nil {
		return d.try, err
	}
	if temporal.IsCanceledError(cause) {
		return d.try, cause
	}
	if e := activities.FromTemporal(cause); e != nil && e.Code == fleet.CodeNotFound {
		return d.try, permanent(why, string(e.Code), *e)
	}
	return d.try, permanent("set aside: "+why, string(fleet.CodeUnreachable),
		*fleet.Errorf(fleet.CodeUnreachable, why).WithHint("crawlfleet ticket redeliver"))
}

// Redelivery has a ticket's messages brought again that were set aside, and answers
// which those are.
func Redelivery(ctx workflow.Context, in fleet.RedeliverRequest) ([]fleet.DeliveryRef, error) {
	var a *activities.Deliveries
	var refs []fleet.DeliveryRef
	err := workflow.ExecuteLocalActivity(local(ctx, fmt.Sprintf("bring the messages of ticket %s again", in.Ticket)), a.Redeliver, in).Get(ctx, &refs)
	if e := activities.FromTemporal(err); e != nil {
		return nil, activities.ToTemporal(e)
	}
	describe("ended", "%s pending again", many(len(refs), "message")).
		line("ticket", "%s", in.Ticket).show(ctx)
	return refs, err
}
