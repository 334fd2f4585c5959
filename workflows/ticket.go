package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Ticket is one crawl request: it is routed to a crawler, crawled there, again
// elsewhere if that crawler is lost, and recorded. It answers its result when it
// is done, limited or expired; a failed one is an application error whose type is
// the code, a cancelled one is cancelled, both with the result in their details.
// The document is read strictly by the first activity. Callers give it alone: carry
// is the ticket's own, when it continues as new.
func Ticket(
	ctx workflow.Context, document json.RawMessage, carry ticketCarry,
) (fleet.TicketResult, error) {
	t := &ticket{
		document: document, carry: carry,
		granted: hearing(ctx, fleet.SignalGranted, "a slot may be free: ask again; carries nothing"),
	}
	if err := t.setup(ctx); err != nil {
		return fleet.TicketResult{}, err
	}
	result, err := t.run(ctx)
	t.answered(ctx)
	return result, err
}

type ticket struct {
	document json.RawMessage
	granted  workflow.ReceiveChannel
	routed   activities.Routed // the last answer
	accepted bool              // the desk has answered, this run or the one before
	seeds    string            // what it crawls, in a few words
	status   fleet.TicketStatus
	carry    ticketCarry
	steering
}

// ending is how a ticket ends, before it is recorded.
type ending struct {
	outcome  fleet.Outcome
	reason   string
	counters fleet.Counters
	err      *fleet.Error
	closed   bool // the crawl came to its own end
}

func (t *ticket) setup(ctx workflow.Context) error {
	t.status.State, t.status.Moves = fleet.TicketWaiting, t.carry.Moves
	t.seeds = seedsOf(t.document)
	t.accepted = workflow.GetInfo(ctx).ContinuedExecutionRunID != ""
	err := workflow.SetQueryHandlerWithOptions(ctx, fleet.TicketQuery,
		func() (fleet.TicketStatus, error) { return t.status, nil },
		workflow.QueryHandlerOptions{Description: "where the ticket is, and why it waits"})
	if err != nil {
		return err
	}
	return t.steer(ctx)
}

// run is the ticket's life: route, crawl or wait, and again until it has an end.
func (t *ticket) run(ctx workflow.Context) (fleet.TicketResult, error) {
	var lost int64
	var why fleet.Code
	for {
		if err := t.route(ctx, lost, why); err != nil {
			return t.unrouted(ctx, err)
		}
		var end *ending
		lost, why = 0, ""
		switch {
		case t.routed.Kind == fleet.RouteFinished:
			return t.answer(ctx, *t.routed.Result)
		case t.pending(): // paused or resumed while the desk was asked
			continue
		case t.routed.Kind == fleet.RouteLeased:
			if end, why = t.crawl(ctx); why != "" {
				lost = t.routed.Lease.Epoch
			}
		default:
			end = t.wait(ctx)
		}
		if end != nil {
			return t.end(ctx, *end)
		}
		if why == "" && full(ctx) && t.settled(ctx) {
			return fleet.TicketResult{},
				workflow.NewContinueAsNewError(ctx, fleet.TicketWorkflow, t.document, t.carry)
		}
	}
}

// route asks the desk. A lost lease is named, so that its slot is free again.
func (t *ticket) route(ctx workflow.Context, lost int64, why fleet.Code) error {
	var a *activities.Tickets
	info := workflow.GetInfo(ctx)
	in := activities.RouteInput{
		Document: t.document, WorkflowID: info.WorkflowExecution.ID,
		RunID: info.WorkflowExecution.RunID, Lost: lost, Why: why,
		Pause: t.carry.Pause, Resume: t.resumed,
	}
	sent := t.asked
	t.sent, t.resumed = sent, nil
	for t.nudge.ReceiveAsync(nil) { // it is heard with this question
	}
	var routed activities.Routed
	err := workflow.ExecuteLocalActivity(local(ctx, t.question(in)), a.Route, in).Get(ctx, &routed)
	if err != nil {
		return err
	}
	t.told = sent
	playable(routed.Version)
	t.routed, t.accepted = routed, true
	t.show(ctx)
	return label(ctx, routed.Tenant, routed.Session)
}

// unrouted is the end of a ticket that the desk did not take, or not again.
func (t *ticket) unrouted(ctx workflow.Context, err error) (fleet.TicketResult, error) {
	t.ending = true
	if temporal.IsCanceledError(err) {
		return t.end(ctx, ending{outcome: fleet.OutcomeCancelled, reason: "cancelled"})
	}
	e := activities.FromTemporal(err)
	if e == nil {
		e = fleet.Errorf(fleet.CodeInternal, err.Error())
	}
	if !t.accepted && refusal(e.Code) { // there is no row to be ended
		return fleet.TicketResult{}, activities.ToTemporal(e)
	}
	return t.end(ctx, ending{outcome: fleet.OutcomeFailed, reason: e.Error(), err: e})
}

// refusal reports whether a code of Route means that the ticket was not accepted.
func refusal(c fleet.Code) bool {
	switch c {
	case fleet.CodeInvalid, fleet.CodeUnknownField, fleet.CodeNotFound,
		fleet.CodeConflict, fleet.CodeQuota, fleet.CodeTenantNotReady, fleet.CodeForbidden:
		return true
	default:
		return false
	}
}

// end records the ending, whatever happens to the workflow meanwhile.
func (t *ticket) end(ctx workflow.Context, e ending) (fleet.TicketResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	t.ending = true
	t.status.State, t.status.Wait = fleet.TicketClosing, nil
	in := activities.RecordInput{
		Document: t.document, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID,
		Outcome: e.outcome, Reason: e.reason, Counters: e.counters, Error: e.err, Closed: e.closed,
	}
	if t.routed.Lease != nil {
		in.Epoch = t.routed.Lease.Epoch
	}
	var a *activities.Tickets
	var result fleet.TicketResult
	err := workflow.ExecuteLocalActivity(local(ctx, "record the end: "+string(e.outcome)), a.Record, in).Get(ctx, &result)
	if err != nil {
		if own := activities.FromTemporal(err); own != nil {
			return result, activities.ToTemporal(own)
		}
		return result, fmt.Errorf("record the end: %w", err)
	}
	return t.answer(ctx, result)
}

// answer turns a result into the workflow's own end.
func (t *ticket) answer(ctx workflow.Context, r fleet.TicketResult) (fleet.TicketResult, error) {
	t.ending = true
	t.status.Tenant, t.status.Ticket = r.Tenant, r.Ticket
	t.status.State, t.status.Wait, t.status.Result = fleet.TicketEnded, nil, &r
	t.status.Moves = max(t.status.Moves, r.Moves)
	t.show(ctx)
	switch r.Outcome {
	case fleet.OutcomeCancelled:
		return r, temporal.NewCanceledError(r)
	case fleet.OutcomeFailed:
		kind := string(fleet.OutcomeFailed)
		if r.Error != nil {
			kind = string(r.Error.Code)
		}
		return r, permanent(r.Reason, kind, r)
	default:
		return r, nil
	}
}

// left is the time to the deadline, and whether there is one.
func (t *ticket) left(ctx workflow.Context) (time.Duration, bool) {
	if t.routed.Deadline.IsZero() {
		return 0, false
	}
	return t.routed.Deadline.Sub(workflow.Now(ctx)), true
}

// bound is what ends a crawl from outside: its deadline, or the moment at which the
// ticket has cost its maxCost, whichever is first. Without either it is zero and no end.
func (t *ticket) bound(ctx workflow.Context) (left time.Duration, end *ending) {
	if d, ok := t.left(ctx); ok {
		left, end = d, expired()
	}
	if l := t.routed.Lease; l != nil && !l.Until.IsZero() {
		if d := l.Until.Sub(workflow.Now(ctx)); end == nil || d < left {
			left, end = d, t.costly()
		}
	}
	return left, end
}

// costly is the end of a ticket that may cost no more.
func (t *ticket) costly() *ending {
	reason := "maxCost reached"
	if m := t.routed.MaxCost; m != nil {
		reason = fmt.Sprintf("maxCost of %s reached", m)
	}
	return &ending{outcome: fleet.OutcomeLimited, reason: reason}
}

func expired() *ending {
	return &ending{outcome: fleet.OutcomeExpired, reason: "the deadline passed"}
}

func cancelled() *ending {
	return &ending{outcome: fleet.OutcomeCancelled, reason: "cancelled"}
}
