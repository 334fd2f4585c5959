package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The ages at which the reaper looks at a row. Younger ones are on their way.
const (
	leaseAge      = 5 * time.Second // a ticket's first task has long been answered by then
	unfinishedAge = time.Minute     // a closing ticket takes two statements
	reservedAge   = time.Minute     // a Conductor starts what it reserved within seconds
	overlookedAge = 5 * time.Second // a Conductor decides within milliseconds
	settlePause   = 5 * time.Second // between two tries while the store is away
)

// Reaper brings rows to their end whose workflow runs no more: code that was
// terminated tells nobody. It compares the control store with Temporal:
//
//	row                               workflow       cure
//	lease, older than 5 s             closed, none   end the ticket as cancelled ("terminated"):
//	                                                 intent, fence, end; its slot goes on
//	lease, older than 5 s             runs, with a   the old crawl fails, so that the ticket takes up
//	                                  crawl before   its lease: a worker died between a burial and
//	                                  that lease     the word of it
//	ticket closing                    closed, none   the same; the first intent counts
//	ticket waiting or running, 1 min  closed, none   the same
//	crawler reserved, over 1 min      closed, none   stop at the provider, bury, settle
//	crawler of any other live state   closed, none   the same
//	tenant that was overlooked, 5 s   any            signal demand, which starts its Conductor
//	                                                 where it was terminated
//	any other                         running        nothing: it is the workflow's
//	message pending, 1 min            none           started
//	any                               no answer      nothing, until there is one
//
// Every cure may be repeated and may meet another reaper's.
type Reaper struct {
	Control    fleet.Control
	Data       fleet.TenantData
	Temporal   Temporal
	Deliveries fleet.DeliveryDesk
	Machines   *Machines
	Courier    *Courier
	Namespace  string
	Interval   time.Duration // between two rounds
	Log        *zap.Logger

	looked map[fleet.DeliveryRef]time.Time // messages whose workflow was seen to
}

// Run makes rounds until the context ends. One goroutine at a time makes rounds.
func (r *Reaper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.Round(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("reaper", zap.Error(err))
		}
		_ = wait(ctx, r.Interval) // the loop's condition reads the context
	}
}

// Round looks at every row once. What fails is left to the next round and joined
// to the error; it keeps no other row from its cure.
func (r *Reaper) Round(ctx context.Context) error {
	return errors.Join(r.leases(ctx), r.tickets(ctx), r.crawlers(ctx), r.conductors(ctx),
		r.deliveries(ctx))
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
		return r.overtaken(ctx, row, w.pending)
	case w.runs:
		return nil
	}
	r.Log.Info("a ticket has no workflow any more",
		zap.String("ticket", string(row.Input.ID)), zap.String("workflow", row.WorkflowID))
	return abandoned(ctx, ending{desk: r.Control, data: r.Data, courier: r.Courier}, row,
		fleet.OutcomeCancelled, "terminated")
}

// overtaken fails the crawls that a ticket still has from before its lease.
func (r *Reaper) overtaken(ctx context.Context, row fleet.TicketRow, pending []string) error {
	lost := ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "the ticket was leased elsewhere meanwhile"))
	var errs error
	for _, id := range pending {
		if epoch, ok := fleet.ActivityCrawlEpoch(id); !ok || epoch >= row.Lease.Epoch {
			continue
		}
		err := r.Temporal.CompleteActivityByID(ctx, r.Namespace, row.WorkflowID, "", id, nil, lost)
		if err != nil && !notFound(err) {
			errs = errors.Join(errs, fmt.Errorf("fail %s of %s: %w", id, row.WorkflowID, err))
		}
	}
	return errs
}

func (r *Reaper) crawlers(ctx context.Context) error {
	rows, err := r.Control.Crawlers(ctx, "")
	if err != nil {
		return fmt.Errorf("list the crawlers: %w", err)
	}
	var errs error
	for _, row := range rows {
		if row.State == fleet.CrawlerReserved && time.Since(row.Times.Reserved) < reservedAge {
			continue
		}
		errs = errors.Join(errs, r.crawler(ctx, row))
	}
	return errs
}

// crawler stops what nobody watches over any more. It comes again until the
// provider has none: only then are the books closed.
func (r *Reaper) crawler(ctx context.Context, row fleet.CrawlerRow) error {
	if runs, err := runs(ctx, r.Temporal, fleet.CrawlerWorkflowID(row.Tenant, row.GUID)); runs || err != nil {
		return err
	}
	r.Log.Info("a crawler has no workflow any more", zap.String("guid", string(row.GUID)))
	provider, err := r.Machines.Providers.of(row.Provider, "stop")
	if err != nil {
		return err
	}
	err = provider.Stop(ctx, r.Machines.key(row.Tenant, row.GUID), fleet.StopOptions{})
	switch {
	case err == nil:
		return nil // under way: the next round sees it gone
	case fleet.ClassOf(err) != fleet.ClassNotFound:
		return fmt.Errorf("stop %s: %w", row.GUID, err)
	}
	books := &Crawlers{
		Desk: r.Control, Temporal: r.Temporal, Namespace: r.Namespace, Courier: r.Courier,
	}
	if err := books.Bury(ctx, BuryInput{GUID: row.GUID, Reason: "its workflow was ended"}); err != nil {
		return err
	}
	return r.settle(ctx, books, row.GUID)
}

// settle closes the books. A buried row is not listed again, so this one insists.
func (r *Reaper) settle(ctx context.Context, books *Crawlers, guid fleet.GUID) error {
	at := time.Now()
	for pause := failPause; ; pause = min(2*pause, settlePause) {
		err := books.Settle(ctx, SettleInput{GUID: guid, At: at})
		if err == nil || wait(ctx, pause) != nil {
			return err
		}
	}
}

// looked is what Temporal says of a workflow.
type looked struct {
	runs    bool     // it is open
	pending []string // ids of its activities
}

// look asks Temporal. Not found means that it does not run.
func look(ctx context.Context, t Temporal, workflowID string) (l looked, err error) {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	answer, err := t.DescribeWorkflowExecution(ctx, workflowID, "")
	if notFound(err) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	for _, p := range answer.GetPendingActivities() {
		l.pending = append(l.pending, p.GetActivityId())
	}
	status := answer.GetWorkflowExecutionInfo().GetStatus()
	l.runs = status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING ||
		status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	return l, nil
}

// runs reports whether a workflow is open.
func runs(ctx context.Context, t Temporal, workflowID string) (bool, error) {
	l, err := look(ctx, t, workflowID)
	return l.runs, err
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
