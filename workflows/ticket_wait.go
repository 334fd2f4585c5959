package workflows

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// wait waits for the word that a slot is free, or asks by itself in the end. It
// answers an end where the deadline passes or the ticket is cancelled meanwhile.
func (t *ticket) wait(ctx workflow.Context) *ending {
	pause := t.pause(ctx)
	if left, bounded := t.left(ctx); bounded {
		if left <= 0 {
			return expired()
		}
		pause = min(pause, left)
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(timerCtx, pause,
		workflow.TimerOptions{Summary: "ask again: " + t.reason()})
	workflow.NewSelector(ctx).
		AddFuture(timer, func(workflow.Future) { t.carry.Asks++ }).
		AddReceive(t.granted, func(c workflow.ReceiveChannel, _ bool) {
			for c.ReceiveAsync(nil) { // one question answers them all
			}
		}).
		Select(ctx)
	if ctx.Err() != nil {
		return cancelled()
	}
	return nil
}

// pause is how long the ticket waits before it asks unasked: a minute and growing,
// a tenth more or less so that many tickets do not ask in one moment. The jitter
// comes from the workflow's own name: random without an event.
func (t *ticket) pause(ctx workflow.Context) time.Duration {
	d := growing(askFirst, askMost, t.carry.Asks)
	if w := t.routed.Wait; w != nil && w.Code == fleet.WaitConductor && !w.Until.IsZero() {
		// Somebody else is ending it: there is nobody to be told by.
		d = min(d, max(w.Until.Sub(workflow.Now(ctx)), askLeast))
	}
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

// show brings the answer of the desk into the status and the Web UI. It costs no event.
func (t *ticket) show(ctx workflow.Context) {
	s := &t.status
	if s.Result == nil {
		s.Tenant, s.Ticket, s.Wait = t.routed.Tenant, t.routed.Ticket, t.routed.Wait
		s.State, s.Crawler, s.Address = fleet.TicketWaiting, "", ""
		if lease := t.routed.Lease; lease != nil {
			s.State, s.Crawler, s.Address = fleet.TicketRunning, lease.GUID, lease.Address
		}
	}
	text := fmt.Sprintf("**%s**", s.State)
	switch {
	case s.Result != nil:
		text += fmt.Sprintf(": %s, %d pages. %s", s.Result.Outcome, s.Result.Counters.Fetched, s.Result.Reason)
	case s.Wait != nil:
		text += fmt.Sprintf(": %s (`%s`)", s.Wait.Message, s.Wait.Code)
	case s.Crawler != "":
		text += fmt.Sprintf(" on `%s`, address %s", s.Crawler, s.Address)
	}
	if s.Moves > 0 {
		text += fmt.Sprintf(", moved %d times", s.Moves)
	}
	workflow.SetCurrentDetails(ctx, text)
}
