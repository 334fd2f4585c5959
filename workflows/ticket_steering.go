package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// steering is how a ticket is paused and resumed. What is asked counts its way to the
// desk: asked by somebody, sent with a question, told when that was answered.
type steering struct {
	asked, sent, told int

	nudge   workflow.Channel    // wakes a wait
	cut     func()              // ends the crawl that runs
	resumed *fleet.SteerRequest // who let it go on, for the next question
	ending  bool                // nobody steers it any more
}

// pending reports whether the desk has to be asked again.
func (s *steering) pending() bool { return s.asked != s.sent }

// steer registers the updates.
func (t *ticket) steer(ctx workflow.Context) error {
	t.nudge = workflow.NewNamedBufferedChannel(ctx, "nudge", 1)
	pause := update[fleet.SteerRequest, fleet.TicketStatus]{
		fleet.TicketPause, `give the slot back and wait, results kept: {"reason":"…"}`,
		t.steerable, t.hold,
	}
	resume := update[fleet.SteerRequest, fleet.TicketStatus]{
		fleet.TicketResume, "let a paused ticket go on", t.steerable, t.release,
	}
	if err := pause.register(ctx); err != nil {
		return err
	}
	return resume.register(ctx)
}

func (t *ticket) steerable(fleet.SteerRequest) error {
	if !t.ending {
		return nil
	}
	return fleet.Errorf(fleet.CodeConflict,
		fmt.Sprintf("ticket %s is %s", t.status.Ticket, t.status.State)).
		WithHint("only a ticket that has not ended can be paused or resumed")
}

// hold pauses the ticket; one that is paused stays so, for its first reason.
func (t *ticket) hold(ctx workflow.Context, r fleet.SteerRequest) (fleet.TicketStatus, error) {
	if t.carry.Pause == nil {
		t.carry.Pause, t.resumed = &r, nil
		t.asked++
		t.nudge.SendAsync(nil)
		if t.cut != nil {
			t.cut()
		}
	}
	return t.heard(ctx)
}

// release lets a paused ticket go on; any other goes on as it is.
func (t *ticket) release(ctx workflow.Context, r fleet.SteerRequest) (fleet.TicketStatus, error) {
	if t.carry.Pause != nil {
		t.carry.Pause, t.resumed = nil, &r
		t.asked++
		t.nudge.SendAsync(nil)
	}
	return t.heard(ctx)
}

// heard answers when the desk knows of everything that was asked until now.
func (t *ticket) heard(ctx workflow.Context) (fleet.TicketStatus, error) {
	mine := t.asked
	if err := workflow.Await(ctx, func() bool { return t.told >= mine || t.ending }); err != nil {
		return t.status, err
	}
	if t.told < mine {
		return t.status, activities.ToTemporal(t.steerable(fleet.SteerRequest{}))
	}
	return t.status, nil
}

// answered waits until everybody who steers the ticket has an answer: soon, when the
// desk knows or the ticket ends.
func (t *ticket) answered(ctx workflow.Context) bool {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }) == nil
}

// settled waits until everybody who steers the ticket has an answer, and reports whether
// the ticket may continue as new: not where the desk has to be asked first, since those
// who steer it wait for that.
func (t *ticket) settled(ctx workflow.Context) bool {
	err := workflow.Await(ctx, func() bool {
		return t.pending() || workflow.AllHandlersFinished(ctx)
	})
	return err == nil && !t.pending()
}
