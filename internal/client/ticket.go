package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Ticket names a ticket and the workflow that does it.
type Ticket struct {
	Tenant     fleet.TenantID `json:"tenant"`
	Ticket     fleet.TicketID `json:"ticket"`
	WorkflowID string         `json:"workflowId"`
	RunID      string         `json:"runId"`
	// Attached is true when a ticket with this id and content runs already.
	Attached bool `json:"attached,omitempty"`
}

// StartTicket starts a ticket, giving it an id when it has none. An id whose
// workflow runs is attached to when the content is the same, else it is a conflict
// that names the field. An id that has ended is started again: the workflow itself
// answers the stored result, or refuses another content.
func (c *Client) StartTicket(ctx context.Context, in fleet.TicketInput) (Ticket, error) {
	in, err := in.Normalise()
	if err != nil {
		return Ticket{}, err
	}
	if in.ID == "" {
		id, err := uuid.NewV7() // rises with time: neighbours in every index
		if err != nil {
			return Ticket{}, fmt.Errorf("start ticket: %w", err)
		}
		in.ID = fleet.TicketID(id.String())
	}
	t := Ticket{Tenant: in.Tenant, Ticket: in.ID, WorkflowID: fleet.TicketWorkflowID(in.Tenant, in.ID)}
	run, err := c.temporal.ExecuteWorkflow(ctx, ticketOptions(t.WorkflowID, in), fleet.TicketWorkflow, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &started):
		t.RunID, t.Attached = started.RunId, true
		return t, c.sameTicket(ctx, t, in)
	case err != nil:
		return t, domainError(fmt.Errorf("start ticket: %w", err))
	}
	t.RunID = run.GetRunID()
	return t, nil
}

func ticketOptions(workflowID string, in fleet.TicketInput) client.StartWorkflowOptions {
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(in.Tenant)),
	}
	if in.Session != nil {
		attributes = append(attributes,
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrSession).ValueSet(string(in.Session.Key)))
	}
	o := client.StartWorkflowOptions{
		ID: workflowID, TaskQueue: fleet.ControlQueue, WorkflowTaskTimeout: fleet.ControlTask,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		// Failing tells a running ticket apart; USE_EXISTING would not, and its content
		// has to be compared.
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
		StaticSummary:                            fleet.Seeds(in.URLs),
		Priority: temporal.Priority{
			PriorityKey: in.Priority, FairnessKey: string(in.Tenant),
		},
	}
	if len(in.Labels) > 0 {
		o.Memo = map[string]any{"labels": in.Labels}
	}
	return o
}

// sameTicket compares the content of the ticket that runs under t's id.
func (c *Client) sameTicket(ctx context.Context, t Ticket, in fleet.TicketInput) error {
	history := c.temporal.GetWorkflowHistory(ctx, t.WorkflowID, t.RunID, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return fleet.Errorf(fleet.CodeInternal, "the running ticket has no history")
	}
	first, err := history.Next()
	if err != nil {
		return domainError(fmt.Errorf("read running ticket: %w", err))
	}
	var running fleet.TicketInput
	payloads := first.GetWorkflowExecutionStartedEventAttributes().GetInput()
	if err := c.converter.FromPayloads(payloads, &running); err != nil {
		return fmt.Errorf("read running ticket: %w", err)
	}
	if running, err = running.Normalise(); err != nil {
		return fmt.Errorf("read running ticket: %w", err)
	}
	if running.Hash() == in.Hash() {
		return nil
	}
	return &fleet.Error{
		Code: fleet.CodeConflict, Field: running.Differs(in),
		Message: fmt.Sprintf("ticket %s runs with other content", in.ID),
		Want:    "the same content, or another id", Hint: "crawlfleet ticket show " + string(in.ID),
	}
}

// WaitTicket waits for a ticket's end. It may be called for a ticket that has ended.
// Whatever the outcome, a ticket that has a result answers it; an error is a ticket
// that was refused, or a wait that ended first.
func (c *Client) WaitTicket(ctx context.Context, workflowID, runID string) (fleet.TicketResult, error) {
	var result fleet.TicketResult
	err := Result(ctx, c.temporal.GetWorkflow(ctx, workflowID, runID), &result)
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return result, ctx.Err()
	}
	if result, ok := endedBadly(err); ok {
		return result, nil
	}
	return result, domainError(err)
}

// The pause after which Result asks again: a quarter of what it has waited, between
// these two. The longer one is when the server itself ends an open question.
const (
	askAgainFirst = time.Second
	askAgainMost  = 20 * time.Second
)

// Result waits for a workflow's end and reads its result, as run.Get does, but asks
// again now and then. Temporal 1.32 at times does not tell who waits that a workflow has
// ended (two events in a row, and the waiter not scheduled in between), and then answers
// 20 s later: seen a few times in ten thousand workflows on two busy cores.
func Result(ctx context.Context, run client.WorkflowRun, into any) error {
	began := time.Now()
	for {
		pause := min(max(time.Since(began)/4, askAgainFirst), askAgainMost)
		// Not a deadline: it would travel, and the server's own end of the question could
		// be here first and look like an error.
		asking, cancel := context.WithCancel(ctx)
		enough := time.AfterFunc(pause, cancel)
		err := run.Get(asking, into)
		again := err != nil && asking.Err() != nil && ctx.Err() == nil
		enough.Stop()
		cancel()
		if !again {
			return err
		}
	}
}

// endedBadly reads the result out of a cancelled or failed ticket's details.
func endedBadly(err error) (result fleet.TicketResult, ok bool) {
	var canceled *temporal.CanceledError
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &canceled) && canceled.HasDetails():
		ok = canceled.Details(&result) == nil
	case errors.As(err, &failed) && failed.HasDetails():
		ok = failed.Details(&result) == nil
	}
	return result, ok && result.Outcome != "" // the details of a refusal are a *fleet.Error
}

// TicketStatus asks the running workflow; it needs a worker.
func (c *Client) TicketStatus(ctx context.Context, workflowID string) (fleet.TicketStatus, error) {
	var status fleet.TicketStatus
	return status, c.query(ctx, workflowID, fleet.TicketQuery, &status)
}

// CancelTicket asks a ticket to end as cancelled, its results kept.
func (c *Client) CancelTicket(ctx context.Context, workflowID string) error {
	return domainError(c.temporal.CancelWorkflow(ctx, workflowID, ""))
}

// PauseTicket has a ticket give its slot back and wait, its results kept.
func (c *Client) PauseTicket(
	ctx context.Context, workflowID string, r fleet.SteerRequest,
) (fleet.TicketStatus, error) {
	return c.steerTicket(ctx, workflowID, fleet.TicketPause, r)
}

// ResumeTicket lets a paused ticket go on.
func (c *Client) ResumeTicket(
	ctx context.Context, workflowID string, r fleet.SteerRequest,
) (fleet.TicketStatus, error) {
	return c.steerTicket(ctx, workflowID, fleet.TicketResume, r)
}

func (c *Client) steerTicket(
	ctx context.Context, workflowID, name string, r fleet.SteerRequest,
) (fleet.TicketStatus, error) {
	var status fleet.TicketStatus
	if err := r.Validate(); err != nil {
		return status, err
	}
	return status, domainError(c.update(ctx, workflowID, name, &status, r))
}

func (c *Client) query(ctx context.Context, workflowID, name string, into any) error {
	value, err := c.temporal.QueryWorkflow(ctx, workflowID, "", name)
	if err != nil {
		return domainError(fmt.Errorf("query %s: %w", workflowID, err))
	}
	return value.Get(into)
}
