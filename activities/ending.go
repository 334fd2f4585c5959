package activities

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// ending ends tickets over the two databases: intent in the control row, fence in
// the tenant's database, end in the control row. A kill between any two leaves a
// row that the reaper brings to its end by the same steps.
type ending struct {
	desk    fleet.TicketDesk
	data    fleet.TenantData
	courier *Courier
}

// end writes all three steps. The outcome that counts is that of the first intent
// ever written: a deadline that comes after a cancel changes nothing.
func (e ending) end(ctx context.Context, r fleet.RecordRequest) (fleet.TicketResult, error) {
	intent, err := e.desk.Intend(ctx, fleet.Intent{
		Tenant: r.Tenant, Ticket: r.Ticket, WorkflowID: r.WorkflowID,
		Outcome: r.Outcome, Reason: r.Reason, Error: r.Error,
	})
	if err != nil {
		return fleet.TicketResult{}, fmt.Errorf("intend the end of %s: %w", r.Ticket, err)
	}
	r.Outcome, r.Reason, r.Error = intent.Outcome, intent.Reason, intent.Error
	r.Counters, err = e.data.Close(ctx, r.Tenant, r.Ticket, r.Outcome, r.Reason)
	// A ticket that was cancelled before its tenant had a database has no crawl.
	if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound {
		return fleet.TicketResult{}, fmt.Errorf("close the crawl of %s: %w", r.Ticket, err)
	}
	return e.record(ctx, r)
}

// record is the last step alone: for a crawl that came to its own end.
func (e ending) record(ctx context.Context, r fleet.RecordRequest) (fleet.TicketResult, error) {
	answer, err := e.desk.Record(ctx, r)
	if err != nil {
		return fleet.TicketResult{}, fmt.Errorf("record the end of %s: %w", r.Ticket, err)
	}
	e.courier.Tell(ctx, answer.Follow)
	return answer.Result, nil
}
