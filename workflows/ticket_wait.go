package workflows

import (
	"hash/fnv"
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// wait waits for the word that a slot is free, for what it waits for by the clock, or
// asks by itself in the end. It answers an end where the deadline passes or the ticket
// is cancelled meanwhile.
func (t *ticket) wait(ctx workflow.Context) *ending {
	pause, why := t.pause(ctx), summary("ask again: %s", t.reason())
	if left, bounded := t.left(ctx); bounded {
		if left <= 0 {
			return expired()
		}
		if pause == 0 || left < pause {
			pause, why = left, summary("the deadline: %s", t.reason())
		}
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	defer stop()
	wake := workflow.NewSelector(ctx).
		AddReceive(t.nudge, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) }).
		AddReceive(t.granted, func(c workflow.ReceiveChannel, _ bool) {
			for c.ReceiveAsync(nil) { // one question answers them all
			}
		}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	if pause > 0 {
		timer := workflow.NewTimerWithOptions(timerCtx, pause, workflow.TimerOptions{Summary: why})
		wake.AddFuture(timer, func(workflow.Future) { t.carry.Asks++ })
	}
	wake.Select(ctx)
	if ctx.Err() != nil {
		return cancelled()
	}
	return nil
}

// pause is how long the ticket waits before it asks unasked; zero is for ever, for one
// that is paused: it is this workflow that is told to go on.
func (t *ticket) pause(ctx workflow.Context) time.Duration {
	w := t.routed.Wait
	switch {
	case w == nil || w.Until.IsZero():
	case w.Code == fleet.WaitScheduled:
		// Its time has come then, and no earlier. The store's clock may be a little
		// behind ours: it is asked again soon, and less and less often.
		return max(w.Until.Sub(workflow.Now(ctx)), growing(startLeast, askFirst, t.carry.Asks))
	case w.Code == fleet.WaitConductor:
		// Somebody else is ending it: there is nobody to be told by.
		return t.jitter(ctx, min(growing(askFirst, askMost, t.carry.Asks),
			max(w.Until.Sub(workflow.Now(ctx)), askLeast)))
	}
	if t.carry.Pause != nil {
		return 0
	}
	return t.jitter(ctx, growing(askFirst, askMost, t.carry.Asks))
}

// jitter is a tenth more or less, so that many tickets do not ask in one moment. It
// comes from the workflow's own name: random without an event.
func (t *ticket) jitter(ctx workflow.Context, d time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(workflow.GetInfo(ctx).WorkflowExecution.ID + strconv.Itoa(t.carry.Asks)))
	return d - d/10 + time.Duration(h.Sum32())%(d/5)
}

func (t *ticket) reason() string {
	if t.routed.Wait == nil {
		return "no slot is free"
	}
	return t.routed.Wait.Message
}
