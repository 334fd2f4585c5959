package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// leave brings the crawler to its end: its tickets first, then what costs money,
// then the books. ctx is disconnected: nothing interrupts it.
func (c *crawler) leave(ctx workflow.Context, out leaving) error {
	if err := c.release(ctx, &out); err != nil { // stopping it is more important
		workflow.GetLogger(ctx).Error("release the crawler's tickets", "error", err)
	}
	stopped, err := c.stop(ctx)
	if err != nil {
		return err
	}
	if err := c.settle(ctx, out, stopped); err != nil {
		return err
	}
	c.at(ctx, fleet.CrawlerGone, out.reason)
	// The provider's word on an end that we made has nothing left to tell.
	for exited := workflow.GetSignalChannel(ctx, fleet.SignalExited); exited.ReceiveAsync(nil); {
	}
	return c.verdict(out)
}

// release takes the crawler out of every route and lets go of its tickets as far
// as that is possible while it still runs.
func (c *crawler) release(ctx workflow.Context, out *leaving) error {
	switch out.how {
	case failed:
		c.at(ctx, fleet.CrawlerRetired, out.reason)
		var a *activities.Crawlers
		return c.book(ctx, "note that its launch failed", a.Fail, out.failure)
	case lost:
		return c.bury(ctx, out.reason)
	case drained:
		c.at(ctx, fleet.CrawlerDraining, out.reason)
		return c.empty(ctx, out)
	case withdrawn:
		out.grace = 0
		c.at(ctx, fleet.CrawlerDraining, out.reason)
		return c.empty(ctx, out)
	case proven:
		c.at(ctx, fleet.CrawlerRetired, out.reason)
		var a *activities.Crawlers
		return c.book(ctx, "retire the proof", a.Retire, c.in.GUID)
	default: // retired already
		c.at(ctx, fleet.CrawlerRetired, out.reason)
		return nil
	}
}

// empty drains: no new leases, and the running ones have until the grace. What
// runs then is handed back by the crawler itself when it is stopped. Of several
// drains the earliest end counts.
func (c *crawler) empty(ctx workflow.Context, out *leaving) error {
	long := workflow.GetVersion(ctx, changeLongDrain, workflow.DefaultVersion, 1) >= 1
	began := workflow.Now(ctx)
	until := began.Add(out.grace)
	for pause := drainFirst; ; pause = min(2*pause, drainPause(long, workflow.Now(ctx).Sub(began))) {
		var a *activities.Crawlers
		var answer fleet.RetireAnswer
		err := workflow.ExecuteLocalActivity(local(ctx, "drain: no new tickets; count those that run"), a.Drain,
			activities.DrainInput{GUID: c.in.GUID, Reason: out.reason}).Get(ctx, &answer)
		left := until.Sub(workflow.Now(ctx))
		if err != nil || answer.Leases == 0 || left <= 0 {
			return booked(err)
		}
		exited, again := c.hinted(ctx, min(pause, left), long)
		if exited && c.describe(ctx).Gone {
			return nil
		}
		if again != nil {
			if end := workflow.Now(ctx).Add(again.grace); end.Before(until) {
				until, out.reason, pause = end, again.reason, drainFirst
			}
		}
	}
}

// drainPause is the longest pause between two looks. A drain may wait for a ticket
// that runs for weeks: a look costs some events, so it lies at least a share of the
// drain's age after the one before it.
func drainPause(long bool, age time.Duration) time.Duration {
	if !long {
		return drainMost
	}
	return max(drainMost, age/idleShare)
}

// hinted waits, and reports whether a hint came that the crawler has exited, or
// another drain.
func (c *crawler) hinted(
	ctx workflow.Context, d time.Duration, drains bool,
) (exited bool, again *leaving) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{
		Summary: "look whether its tickets have ended",
	})
	s := workflow.NewSelector(ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(c.exited, func(ch workflow.ReceiveChannel, _ bool) { exited = ch.ReceiveAsync(nil) })
	if drains {
		s.AddReceive(c.drains, func(ch workflow.ReceiveChannel, _ bool) { again = drain(ch) })
	}
	s.Select(ctx)
	return exited, again
}

// stop returns when the provider has the crawler no more.
func (c *crawler) stop(ctx workflow.Context) (activities.Stopped, error) {
	var a *activities.Machines
	var s activities.Stopped
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, stopOptions(c.in)),
		a.Stop, c.machine(stopGrace)).Get(ctx, &s)
	if !c.ended.IsZero() {
		s.At = c.ended
	}
	return s, err
}

// settle frees what the crawler did not hand back, and closes its books.
func (c *crawler) settle(ctx workflow.Context, out leaving, s activities.Stopped) error {
	if out.how == drained || out.how == withdrawn {
		if err := c.bury(ctx, out.reason); err != nil {
			return err
		}
	}
	var a *activities.Crawlers
	return c.book(ctx, "close the books", a.Settle,
		activities.SettleInput{GUID: c.in.GUID, At: s.At})
}

func (c *crawler) bury(ctx workflow.Context, reason string) error {
	var a *activities.Crawlers
	return c.book(ctx, "free its leases", a.Bury,
		activities.BuryInput{GUID: c.in.GUID, Reason: reason})
}

func (c *crawler) book(ctx workflow.Context, said string, activity, in any) error {
	return booked(workflow.ExecuteLocalActivity(local(ctx, said), activity, in).Get(ctx, nil))
}

// booked forgives a row that is not there any more: its tenant was erased.
func booked(err error) error {
	if e := activities.FromTemporal(err); e != nil && e.Code == fleet.CodeNotFound {
		return nil
	}
	return plain(err)
}

// verdict is how the workflow itself ends: a crawler that came to serve has done
// its work, even if it was lost.
func (c *crawler) verdict(out leaving) error {
	switch out.how {
	case failed:
		if out.failure.Error != nil {
			return activities.ToTemporal(out.failure.Error)
		}
		return permanent(out.reason, string(fleet.CodeCapacity), fleet.Errorf(fleet.CodeCapacity, out.reason))
	case withdrawn:
		return temporal.NewCanceledError(out.reason)
	default:
		return nil
	}
}
