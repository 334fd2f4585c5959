package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// launch asks the provider, with the account's rate and fairness, unless the first
// activity could do it without. Its answer is recorded: that is the version.
func (c *crawler) launch(ctx workflow.Context) *leaving {
	if ctx.Err() != nil {
		return withdraw()
	}
	c.at(ctx, fleet.CrawlerStarting, "")
	if c.beside {
		c.row.Times.Launched = workflow.Now(ctx)
		return nil
	}
	var a *activities.Machines
	var instance fleet.Instance
	err := workflow.ExecuteActivity(
		workflow.WithActivityOptions(ctx, launchOptions(c.in)), a.Launch, c.in).Get(ctx, &instance)
	switch {
	case ctx.Err() != nil:
		return withdraw()
	case err != nil:
		return refused(activities.LaunchFailureFrom(c.in.GUID, err))
	}
	c.row.Times.Launched = workflow.Now(ctx)
	return nil
}

// greet waits for the crawler's Hello. Hello waits on a queue that only this
// crawler polls, so that its answer is the word "ready". A provider's hint that
// the crawler has exited cuts the wait short, if the provider confirms it.
func (c *crawler) greet(ctx workflow.Context) *leaving {
	hello := workflow.ExecuteActivity(
		workflow.WithActivityOptions(ctx, helloOptions(c.in.GUID)),
		fleet.ActivityHello, fleet.CrawlerRef{Tenant: c.in.Tenant, GUID: c.in.GUID})
	for {
		var out *leaving
		done := false
		workflow.NewSelector(ctx).
			AddFuture(hello, func(f workflow.Future) {
				done, out = true, c.greeted(ctx, f.Get(ctx, &c.hello))
			}).
			AddReceive(c.exited, func(ch workflow.ReceiveChannel, _ bool) {
				ch.ReceiveAsync(nil)
				if d := c.describe(ctx); d.Gone {
					out = refused(c.stillborn(d))
				}
			}).
			AddReceive(c.drains, func(ch workflow.ReceiveChannel, _ bool) { out = drain(ch) }).
			Select(ctx)
		if done || out != nil {
			return out
		}
	}
}

func (c *crawler) greeted(ctx workflow.Context, err error) *leaving {
	switch {
	case ctx.Err() != nil:
		return withdraw()
	case err == nil && c.hello.GUID != c.in.GUID:
		return refused(c.broken(fmt.Sprintf("it says that it is %q", c.hello.GUID)))
	case err == nil:
		return nil
	case missed(err):
		if d := c.describe(ctx); d.Gone {
			return refused(c.stillborn(d))
		}
		f := c.broken(fmt.Sprintf("no Hello within %s", launchBudget))
		f.Class = fleet.ClassAmbiguous // perhaps it never started, perhaps it is slow
		return refused(f)
	default:
		f := c.broken("its Hello failed: " + message(err))
		f.Class = fleet.ClassRetryable // what it needs to say Hello may be back soon
		return refused(f)
	}
}

// admit takes the Hello into the books: the crawler is in every route from here.
func (c *crawler) admit(ctx workflow.Context) *leaving {
	var a *activities.Crawlers
	err := workflow.ExecuteLocalActivity(local(ctx, "ready: into every route"), a.Serving,
		activities.ServingInput{GUID: c.in.GUID, Hello: c.hello}).Get(ctx, nil)
	switch {
	case ctx.Err() != nil:
		return withdraw()
	case err != nil:
		f := c.broken(message(err))
		f.Error = activities.FromTemporal(err)
		if f.Error != nil && f.Error.Code == fleet.CodeConflict && f.Error.Field == "state" {
			return &leaving{how: lost, reason: f.Reason} // buried before it said Hello: no fault of the place
		}
		return refused(f)
	}
	c.row.Address, c.row.PID = c.hello.Address, c.hello.PID
	c.row.Times.Main, c.row.Times.Dialed = c.hello.MainAt, c.hello.DialedAt
	c.row.Times.Serving = workflow.Now(ctx)
	c.at(ctx, fleet.CrawlerServing, "")
	return nil
}

// describe asks the provider. No answer is not "gone": other signs decide then.
func (c *crawler) describe(ctx workflow.Context) activities.Described {
	var a *activities.Machines
	var d activities.Described
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, describeOptions(c.in)),
		a.Describe, c.machine(0)).Get(ctx, &d)
	if err != nil {
		workflow.GetLogger(ctx).Warn("the provider does not say", "error", err)
		return activities.Described{}
	}
	if d.Gone {
		c.ended = d.Instance.EndedAt
	}
	return d
}

func (c *crawler) machine(grace time.Duration) activities.MachineInput {
	return activities.MachineInput{
		Tenant: c.in.Tenant, GUID: c.in.GUID, Provider: c.in.Provider, Grace: fleet.Duration(grace),
	}
}

// stillborn is a launch whose crawler ended before its Hello. One that was killed
// says nothing about its place; one that always does this is tried rarely.
func (c *crawler) stillborn(d activities.Described) fleet.LaunchFailure {
	f := c.broken("it exited before its Hello: " + ended(d))
	f.Class, f.Ours = fleet.ClassRetryable, d.Instance.Cut
	return f
}

// broken is a launch whose crawler came and is of no use: the place is at fault
// until it is looked at.
func (c *crawler) broken(reason string) fleet.LaunchFailure {
	return fleet.LaunchFailure{GUID: c.in.GUID, Class: fleet.ClassFatal, Reason: reason}
}

func refused(f fleet.LaunchFailure) *leaving {
	return &leaving{how: failed, reason: f.Reason, failure: f}
}

func withdraw() *leaving { return &leaving{how: withdrawn, reason: "its workflow was cancelled"} }

// drain reads a drain signal.
func drain(ch workflow.ReceiveChannel) *leaving {
	var r fleet.DrainRequest
	ch.ReceiveAsync(&r)
	out := &leaving{how: drained, reason: r.Reason, grace: r.Grace.Std()}
	if out.grace <= 0 {
		out.grace = drainGrace
	}
	if out.reason == "" {
		out.reason = "asked to drain"
	}
	return out
}

// missed reports whether nobody took, or nobody kept, an activity of the crawler's queue.
func missed(err error) bool {
	var t *temporal.TimeoutError
	return errors.As(err, &t)
}

// unpicked reports whether nobody took it.
func unpicked(err error) bool {
	var t *temporal.TimeoutError
	return errors.As(err, &t) && t.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
}

func ended(d activities.Described) string {
	if d.Instance.Reason != "" {
		return d.Instance.Reason
	}
	if d.Instance.ExitCode != nil {
		return fmt.Sprintf("exit code %d", *d.Instance.ExitCode)
	}
	return "gone"
}

// message is what a person wants to read of an activity's failure.
func message(err error) string {
	if e := activities.FromTemporal(err); e != nil {
		return e.Error()
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
