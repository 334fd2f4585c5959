package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Conductor is a tenant's dispatcher. It decides which crawlers to start and which
// to drain, and decides again on each signal demand, until nothing is left to
// decide; whoever finds demand starts it again. Started for a tenant that does not
// exist it ends with not_found.
func Conductor(ctx workflow.Context, in fleet.ConductorInput) error {
	c := &conductor{in: in, demand: hearing(ctx, fleet.SignalDemand, "something changed: decide again; carries nothing")}
	if err := c.setup(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

type conductor struct {
	in     fleet.ConductorInput
	demand workflow.ReceiveChannel
	last   fleet.Decision
}

func (c *conductor) setup(ctx workflow.Context) error {
	return workflow.SetQueryHandlerWithOptions(ctx, fleet.ConductorQuery,
		func() (fleet.Decision, error) { return c.last, nil },
		workflow.QueryHandlerOptions{Description: "the last decision, with its reason"})
}

func (c *conductor) run(ctx workflow.Context) error {
	for round := 1; ; round++ {
		c.hear()
		if err := c.decide(ctx); err != nil {
			return err
		}
		if err := c.act(ctx); err != nil {
			return err
		}
		heard := c.hear() // something changed while it was decided
		if !heard && c.last.Wake.IsZero() {
			return nil // a signal that comes now starts the task again, or the next Conductor
		}
		if round >= conductorRounds || full(ctx) {
			return workflow.NewContinueAsNewError(ctx, fleet.ConductorWorkflow, c.in)
		}
		if heard {
			continue
		}
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
}

// hear takes all demand that was told of, and reports whether there was any.
func (c *conductor) hear() bool {
	heard := false
	for c.demand.ReceiveAsync(nil) {
		heard = true
	}
	return heard
}

func (c *conductor) decide(ctx workflow.Context) error {
	var a *activities.Conductors
	var d fleet.Decision
	err := workflow.ExecuteLocalActivity(local(ctx, "decide which crawlers to start"), a.Decide, c.in).Get(ctx, &d)
	if err != nil {
		if e := activities.FromTemporal(err); e != nil {
			return activities.ToTemporal(e)
		}
		return err
	}
	playable(d.Version)
	c.last = d
	c.show(ctx)
	return nil
}

// show says what was decided and what comes next.
func (c *conductor) show(ctx workflow.Context) {
	d := describe("decided", "%s", c.last.Reason).moment("at", workflow.Now(ctx))
	if n := len(c.last.Starts); n > 0 {
		d.line("starts", "%s", many(n, "crawler"))
	}
	if n := c.last.Unmet; n > 0 {
		d.line("nothing is under way for", "%s", many(n, "waiting ticket"))
	}
	d.moment("decides again", c.last.Wake)
	if c.last.Wake.IsZero() {
		d.line("decides again", "when something changes")
	}
	d.show(ctx)
}

// act starts and drains what was decided.
func (c *conductor) act(ctx workflow.Context) error {
	started := make([]workflow.ChildWorkflowFuture, 0, len(c.last.Starts))
	for _, in := range c.last.Starts {
		started = append(started, start(ctx, in))
	}
	for _, f := range started {
		// Awaited until it runs: a child that is not yet started dies with its parent.
		if err := f.GetChildWorkflowExecution().Get(ctx, nil); err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			return fmt.Errorf("start a crawler: %w", err)
		}
	}
	for _, guid := range c.last.Drains {
		// A crawler that is gone has drained; Decide names again what has not.
		_ = workflow.SignalExternalWorkflow(ctx, fleet.CrawlerWorkflowID(c.in.Tenant, guid), "",
			fleet.SignalDrain, fleet.DrainRequest{Reason: "the plan allows fewer crawlers"}).Get(ctx, nil)
	}
	return ctx.Err()
}

// start starts a crawler that outlives its Conductor. A GUID has one life: one
// that has run is not started again.
func start(ctx workflow.Context, in fleet.CrawlerInput) workflow.ChildWorkflowFuture {
	return workflow.ExecuteChildWorkflow(
		workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            fleet.CrawlerWorkflowID(in.Tenant, in.GUID),
			TaskQueue:             fleet.ControlQueue,
			WorkflowTaskTimeout:   fleet.ControlTask,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			TypedSearchAttributes: activities.CrawlerAttributes(in),
			StaticSummary:         activities.CrawlerSummary(in),
		}), fleet.CrawlerWorkflow, in)
}

// wait waits for demand, or for the moment when deciding again may help.
func (c *conductor) wait(ctx workflow.Context) error {
	timerCtx, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(timerCtx, max(c.last.Wake.Sub(workflow.Now(ctx)), wakeLeast),
		workflow.TimerOptions{Summary: summary("decide again: %s", c.last.Reason)})
	workflow.NewSelector(ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(c.demand, func(ch workflow.ReceiveChannel, _ bool) { ch.ReceiveAsync(nil) }).
		Select(ctx)
	return ctx.Err()
}
