package activities

import (
	"context"
	"errors"
	"fmt"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (r *Reaper) leases(ctx context.Context) error {
	rows, err := r.Control.Leases(ctx, leaseAge)
	if err != nil {
		return fmt.Errorf("list the leases: %w", err)
	}
	var errs error
	for _, lease := range rows {
		row := fleet.TicketRow{WorkflowID: lease.WorkflowID, Lease: &lease.Lease}
		row.Input.Tenant, row.Input.ID = lease.Tenant, lease.Ticket
		errs = errors.Join(errs, r.ticket(ctx, row))
	}
	return errs
}

func (r *Reaper) tickets(ctx context.Context) error {
	rows, err := r.Control.Unfinished(ctx, unfinishedAge)
	if err != nil {
		return fmt.Errorf("list the unfinished tickets: %w", err)
	}
	var errs error
	for _, row := range rows {
		errs = errors.Join(errs, r.ticket(ctx, row))
	}
	return errs
}

func (r *Reaper) ticket(ctx context.Context, row fleet.TicketRow) error {
	w, err := look(ctx, r.Temporal, row.WorkflowID)
	switch {
	case err != nil:
		return err
	case w.runs && row.Lease != nil:
		return errors.Join(r.overtaken(ctx, row, w.pending), r.mislaid(ctx, row, w.pending))
	case w.runs:
		return nil
	}
	r.Log.Info("a ticket has no workflow any more",
		zap.String("ticket", string(row.Input.ID)), zap.String("workflow", row.WorkflowID))
	err = abandoned(ctx, ending{desk: r.Control, data: r.Data, courier: r.Courier}, row,
		fleet.OutcomeCancelled, "terminated")
	if err == nil {
		r.Count.add(CountedCure, CureTicket)
	}
	return err
}

// overtaken fails the crawls that a ticket still has from before its lease.
func (r *Reaper) overtaken(
	ctx context.Context, row fleet.TicketRow, pending []*workflowpb.PendingActivityInfo,
) error {
	lost := ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "the ticket was leased elsewhere meanwhile"))
	var errs error
	for _, p := range pending {
		id := p.GetActivityId()
		if epoch, ok := fleet.ActivityCrawlEpoch(id); !ok || epoch >= row.Lease.Epoch {
			continue
		}
		errs = errors.Join(errs, r.failCrawl(ctx, row, id, lost))
	}
	return errs
}

func (r *Reaper) failCrawl(ctx context.Context, row fleet.TicketRow, id string, why error) error {
	err := r.Temporal.CompleteActivityByID(ctx, r.Namespace, row.WorkflowID, "", id, nil, why)
	if err != nil && !notFound(err) {
		return fmt.Errorf("fail %s of %s: %w", id, row.WorkflowID, err)
	}
	return nil
}

// conductors tells those that should have decided, and have not: the deed of one that was
// terminated is done by the next.
func (r *Reaper) conductors(ctx context.Context) error {
	tenants, err := r.Control.Overlooked(ctx, overlookedAge)
	if err != nil {
		return fmt.Errorf("list the overlooked tenants: %w", err)
	}
	var errs error
	for _, t := range tenants {
		errs = errors.Join(errs, r.Courier.Demand(ctx, t))
	}
	return errs
}

// abandoned ends a ticket whose workflow cannot do it any more.
func abandoned(
	ctx context.Context, e ending, row fleet.TicketRow, o fleet.Outcome, reason string,
) error {
	request := fleet.RecordRequest{
		Tenant: row.Input.Tenant, Ticket: row.Input.ID, WorkflowID: row.WorkflowID,
		Outcome: o, Reason: reason,
	}
	if row.Lease != nil {
		request.Epoch = row.Lease.Epoch
	}
	_, err := e.end(ctx, request)
	return err
}
