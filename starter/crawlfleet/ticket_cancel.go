package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

func newTicketCancelCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	var wait waitFlags
	c := command("cancel TICKET", "cancel a ticket",
		"Cancels a ticket: it ends as cancelled within seconds, and what it has stored is kept.",
		"  crawlfleet ticket cancel t-1 --tenant demo --wait", 1, 1,
		func(ctx context.Context, args []string) error {
			return app.cancel(ctx, tenant.tenant, fleet.TicketID(args[0]), wait)
		})
	tenant.add(c)
	wait.add(c.Flags())
	return c
}

func (a *App) cancel(ctx context.Context, tenant string, id fleet.TicketID, wait waitFlags) error {
	t, row, err := a.openTicket(ctx, tenant, id)
	if err != nil {
		return err
	}
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	if err := s.CancelTicket(ctx, row.WorkflowID); err != nil {
		return err
	}
	ticket := client.Ticket{Tenant: t, Ticket: id, WorkflowID: row.WorkflowID, RunID: row.RunID}
	if wait.wait {
		return a.awaitCancelled(ctx, s, ticket, wait)
	}
	return printOne(a, ticket, func(w io.Writer) { fmt.Fprintf(w, "ticket %s is being cancelled\n", id) })
}

// awaitCancelled waits; here cancelled is the outcome that was asked for.
func (a *App) awaitCancelled(ctx context.Context, s steering, t client.Ticket, wait waitFlags) error {
	waiting, cancel := wait.context(ctx)
	defer cancel()
	result, err := s.WaitTicket(waiting, t.WorkflowID, t.RunID)
	if err != nil && waiting.Err() != nil {
		return a.stillWaiting(ctx, "the cancellation", watchCommand(t.Tenant, t.Ticket))
	}
	if err != nil {
		return err
	}
	return printOne(a, result, func(w io.Writer) { a.printResult(w, result) })
}
