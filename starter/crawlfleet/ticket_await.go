package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// await waits for a ticket's end, shows its progress and prints its result.
func (a *App) await(ctx context.Context, s steering, t client.Ticket, wait waitFlags) error {
	waiting, cancel := wait.context(ctx)
	defer cancel()
	result, err := a.awaitShowing(waiting, s, t)
	if err != nil {
		if waiting.Err() != nil {
			return a.stillWaiting(ctx, "ticket "+string(t.Ticket), watchCommand(t.Tenant, t.Ticket))
		}
		return err
	}
	if err := printOne(a, result, func(w io.Writer) { a.printResult(w, result) }); err != nil {
		return err
	}
	return outcomeStatus(result)
}

// awaitShowing shows looks at the ticket until Temporal answers its result.
func (a *App) awaitShowing(ctx context.Context, s steering, t client.Ticket) (fleet.TicketResult, error) {
	shown := make(chan struct{})
	showing, stop := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		a.showProgress(showing, t)
	}()
	result, err := s.WaitTicket(ctx, t.WorkflowID, t.RunID)
	stop()
	<-shown
	return result, err
}

// showProgress looks until ctx ends. Without the stores there is nothing to show, and
// the wait goes on all the same.
func (a *App) showProgress(ctx context.Context, t client.Ticket) {
	if a.quiet {
		return
	}
	w, err := a.watcher(ctx)
	if err != nil {
		return
	}
	p := a.progress()
	defer p.end()
	_ = w.follow(ctx, t.Tenant, t.Ticket, func(l look) (bool, error) {
		p.show(l)
		return l.State == fleet.TicketEnded, nil
	})
}

// awaitAll waits for the tickets of a batch and prints their results in order.
func (a *App) awaitAll(ctx context.Context, s steering, tickets []submitted, wait waitFlags) error {
	waiting, cancel := wait.context(ctx)
	defer cancel()
	out := stream[fleet.TicketResult]{app: a, text: a.printResult}
	var worst error
	for i, t := range tickets {
		result, err := s.WaitTicket(waiting, t.WorkflowID, t.RunID)
		switch {
		case err != nil && waiting.Err() != nil:
			left := fmt.Sprintf("%d of %d tickets", len(tickets)-i, len(tickets))
			return errors.Join(out.end(), a.stillWaiting(ctx, left, "crawlfleet ticket list"))
		case err != nil:
			a.printError(err, string(t.Ticket.Ticket))
			worst = &exitStatus{code: exitError}
			continue
		}
		if err := out.add(result); err != nil {
			return err
		}
		if worst == nil {
			worst = outcomeStatus(result)
		}
		a.note("%d of %d ended", i+1, len(tickets))
	}
	return errors.Join(out.end(), worst)
}

// outcomeStatus is exit code 3 for a bad outcome.
func outcomeStatus(r fleet.TicketResult) error {
	if r.Outcome.Good() {
		return nil
	}
	return &exitStatus{code: exitOutcome}
}

func (a *App) printResult(w io.Writer, r fleet.TicketResult) {
	problem := ""
	if r.Error != nil && r.Error.Error() != r.Reason {
		problem = r.Error.Error()
	}
	took := ""
	if !r.Times.Ended.IsZero() && !r.Times.Accepted.IsZero() {
		took = span(r.Times.Ended.Sub(r.Times.Accepted))
	}
	facts(w, "ticket", string(r.Ticket), "outcome", a.paint(w, state(r.Outcome).color, string(r.Outcome)),
		"why", r.Reason, "error", problem, "urls", counters(r.Counters), "took", took,
		"crawlers", join(r.Crawlers), "cost", r.Bill.String()+" so far")
}

func watchCommand(t fleet.TenantID, id fleet.TicketID) string {
	return fmt.Sprintf("crawlfleet ticket watch %s --tenant %s", id, t)
}
