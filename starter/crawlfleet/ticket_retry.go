package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTicketRetryCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	var wait waitFlags
	c := command("retry TICKET", "try a ticket again that ended badly",
		`Starts another attempt of a ticket that ended failed, cancelled or expired. Pages that it
has stored are kept; those that failed and those that were left are fetched.`,
		"  crawlfleet ticket retry t-1 --tenant demo --wait", 1, 1,
		func(ctx context.Context, args []string) error {
			return app.retry(ctx, tenant.tenant, fleet.TicketID(args[0]), wait)
		})
	tenant.add(c)
	wait.add(c.Flags())
	return c
}

func (a *App) retry(ctx context.Context, tenant string, id fleet.TicketID, wait waitFlags) error {
	t, row, err := a.ticketRow(ctx, tenant, id)
	if err != nil {
		return err
	}
	if row.State != fleet.TicketEnded || row.Result == nil || row.Result.Outcome.Good() {
		status := string(row.State)
		if row.Result != nil {
			status = string(row.Result.Outcome)
		}
		return &fleet.Error{
			Code: fleet.CodeConflict, Field: "id", Message: fmt.Sprintf("ticket %s is %s", id, status),
			Want: "a ticket that ended failed, cancelled or expired", Hint: watchCommand(t, id),
		}
	}
	in := row.Input
	in.ID = id
	in.Attempt = max(in.Attempt, row.Result.Attempt, 1) + 1
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	started, err := s.StartTicket(ctx, in)
	if err != nil {
		return err
	}
	if wait.wait {
		return a.await(ctx, s, started, wait)
	}
	word, err := a.accepted(ctx, s, started)
	if err != nil {
		return err
	}
	return printOne(a, started, func(w io.Writer) {
		fmt.Fprintf(w, "ticket %s of tenant %s: attempt %d %s\n", id, t, in.Attempt, word)
	})
}
