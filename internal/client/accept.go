package client

import (
	"context"
	"errors"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// AcceptWithin is how long a door waits for a ticket to be accepted or refused, which takes
	// milliseconds.
	AcceptWithin = 15 * time.Second
	// acceptEvery is the pause between two looks at the ticket's row.
	acceptEvery = 20 * time.Millisecond
)

// Rows is where it is seen that a ticket was accepted.
type Rows interface {
	Ticket(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.TicketRow, error)
}

// Waiter waits for a ticket's end, as Client does.
type Waiter interface {
	WaitTicket(ctx context.Context, workflowID, runID string) (fleet.TicketResult, error)
}

// Accepted waits until a ticket that was started has its row, or has ended. The error is why
// the ticket is refused; after AcceptWithin it is a timeout, and the ticket is neither yet.
func Accepted(ctx context.Context, w Waiter, rows Rows, t Ticket) error {
	waiting, stop := context.WithTimeout(ctx, AcceptWithin)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := w.WaitTicket(waiting, t.WorkflowID, t.RunID)
		ended <- err
	}()
	for {
		row, err := rows.Ticket(waiting, t.Tenant, t.Ticket)
		if err == nil && row.RunID == t.RunID {
			return nil
		}
		select {
		case err := <-ended:
			if err == nil || waiting.Err() == nil {
				return err
			}
		case <-waiting.Done():
		case <-time.After(acceptEvery):
			continue
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
		return fleet.Errorf(fleet.CodeTimeout, "ticket "+string(t.Ticket)+
			" is submitted and not accepted yet; it is listed when it is")
	}
}
