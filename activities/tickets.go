package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxFences bounds the fences raised within one Route: one is the rule, a second
// means that somebody else took the ticket in between.
const maxFences = 4

// Tickets holds what a ticket's activities need: the desk that routes it, the tenants'
// databases whose fences it raises, and the substrates for the first crawler of a tenant.
type Tickets struct {
	Desk     fleet.TicketDesk
	Data     fleet.TenantData
	Courier  *Courier
	Machines *Machines
	// Allow lists the private networks that the operator lets tickets crawl.
	Allow []netip.Prefix
	Log   *zap.Logger
}

// RouteInput is a ticket's document as it came, with who asks and what was lost.
type RouteInput struct {
	Document   json.RawMessage `json:"document"`
	WorkflowID string          `json:"workflowId"`
	RunID      string          `json:"runId"`
	Lost       int64           `json:"lost,omitempty"` // epoch of the lease that was lost
	Why        fleet.Code      `json:"why,omitempty"`
	// Pause, where it is set, holds the ticket; Resume says who lets it go on.
	Pause  *fleet.SteerRequest `json:"pause,omitempty"`
	Resume *fleet.SteerRequest `json:"resume,omitempty"`
}

// Routed is the answer of the desk with what the workflow shows of the ticket.
type Routed struct {
	fleet.RouteAnswer
	Session fleet.SessionKey `json:"session,omitempty"`
	MaxCost *fleet.Money     `json:"maxCost,omitempty"`
}

// Route reads the document strictly, accepts the ticket and leases a slot, or says
// why it waits. A ticket that held a lease before has its fence raised on the way;
// a Conductor that has to know is told. It is one local activity: one event.
func (t *Tickets) Route(ctx context.Context, in RouteInput) (Routed, error) {
	ticket, err := t.parse(in.Document, in.WorkflowID)
	if err != nil {
		return Routed{}, ToTemporal(err)
	}
	if err := ticket.CheckPrivate(t.Allow); err != nil {
		return Routed{}, ToTemporal(err)
	}
	answer, err := t.route(ctx, fleet.RouteRequest{
		Input: ticket, WorkflowID: in.WorkflowID, RunID: in.RunID, Lost: in.Lost, Why: in.Why,
		Pause: in.Pause, Resume: in.Resume,
	})
	if err != nil {
		return Routed{}, ToTemporal(fmt.Errorf("route %s: %w", ticket.ID, err))
	}
	t.Courier.Tell(ctx, fleet.Follow{Deliveries: answer.Deliveries})
	routed := Routed{RouteAnswer: answer, MaxCost: ticket.MaxCost}
	if ticket.Session != nil {
		routed.Session = ticket.Session.Key
	}
	return routed, nil
}

// route leases a slot, or has somebody see to it that there will be one.
func (t *Tickets) route(ctx context.Context, r fleet.RouteRequest) (fleet.RouteAnswer, error) {
	answer, err := t.lease(ctx, r)
	switch {
	case err != nil || !answer.Tell:
	case answer.Cold:
		return t.cold(ctx, r, answer)
	default:
		t.tell(ctx, answer)
	}
	return answer, err
}

// lease asks the desk and raises the tenant's fence as often as it asks back.
func (t *Tickets) lease(ctx context.Context, r fleet.RouteRequest) (fleet.RouteAnswer, error) {
	for range maxFences {
		answer, err := t.Desk.Route(ctx, r)
		if err != nil || answer.Kind != fleet.RouteFence {
			return answer, err
		}
		raise := t.Data.Raise
		if answer.Reopen {
			raise = t.Data.Reopen
		}
		if err := raise(ctx, r.Input.Tenant, r.Input.ID, answer.Epoch); err != nil {
			return answer, fmt.Errorf("raise the fence to %d: %w", answer.Epoch, err)
		}
		r.Fenced = answer.Epoch
	}
	return fleet.RouteAnswer{}, fmt.Errorf("the fence moved %d times", maxFences)
}

// tell signals the Conductor and notes that it was. What is not told is told by
// the next Route of any ticket that waits.
func (t *Tickets) tell(ctx context.Context, a fleet.RouteAnswer) {
	err := t.Courier.Demand(ctx, a.Tenant)
	if err == nil {
		err = t.Desk.Told(ctx, a.Tenant, a.Seq)
	}
	if err != nil {
		t.Log.Warn("the conductor was not told; the ticket's timer will ask",
			zap.String("tenant", string(a.Tenant)), zap.Error(err))
	}
}

// RecordInput is how a ticket ended, as its workflow knows it.
type RecordInput struct {
	Document   json.RawMessage `json:"document"`
	WorkflowID string          `json:"workflowId"`
	Epoch      int64           `json:"epoch,omitempty"`
	Outcome    fleet.Outcome   `json:"outcome"`
	Reason     string          `json:"reason,omitempty"`
	Counters   fleet.Counters  `json:"counters"`
	Error      *fleet.Error    `json:"error,omitempty"`
	// Closed says that the crawl came to its own end: nothing is left to fence.
	Closed bool `json:"closed,omitempty"`
}

// Record ends the ticket and tells those who get its slot. A ticket that was never
// accepted, or whose id is another workflow's, answers a result that is written nowhere.
func (t *Tickets) Record(ctx context.Context, in RecordInput) (fleet.TicketResult, error) {
	ticket, err := t.parse(in.Document, in.WorkflowID)
	if err != nil {
		return fleet.TicketResult{}, ToTemporal(err)
	}
	request := fleet.RecordRequest{
		Tenant: ticket.Tenant, Ticket: ticket.ID, WorkflowID: in.WorkflowID, Epoch: in.Epoch,
		Outcome: in.Outcome, Reason: in.Reason, Counters: in.Counters, Error: in.Error,
	}
	e := ending{desk: t.Desk, data: t.Data, courier: t.Courier}
	end := e.end
	if in.Closed {
		end = e.record
	}
	result, err := end(ctx, request)
	switch fleet.CodeOf(err) {
	case fleet.CodeNotFound, fleet.CodeConflict:
		return fleet.TicketResult{
			Tenant: ticket.Tenant, Ticket: ticket.ID, Outcome: in.Outcome,
			Reason: "never accepted", Error: in.Error,
		}, nil
	}
	return result, ToTemporal(err)
}

// parse reads the document and gives the ticket its id.
func (t *Tickets) parse(document json.RawMessage, workflowID string) (fleet.TicketInput, error) {
	ticket, err := fleet.ParseTicket(document)
	if err != nil {
		return ticket, err
	}
	if ticket.ID == "" {
		ticket.ID = fleet.TicketIDFrom(ticket.Tenant, workflowID)
	}
	return ticket, nil
}
