package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTicketPauseCommand(app *App) *cobra.Command {
	var reason string
	c := app.steerTicketCommand("pause", "let a ticket wait until it is resumed",
		`Pauses a ticket: it gives its slot back within seconds and waits, with what it has stored.
Its deadline goes on.`,
		func(ctx context.Context, s steering, row fleet.TicketRow) (fleet.TicketStatus, error) {
			return s.PauseTicket(ctx, row.WorkflowID, fleet.SteerRequest{Reason: reason, By: app.actor()})
		})
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	return c
}

func newTicketResumeCommand(app *App) *cobra.Command {
	return app.steerTicketCommand("resume", "let a paused ticket go on",
		"Lets a paused ticket go on: it takes a slot when one is free.",
		func(ctx context.Context, s steering, row fleet.TicketRow) (fleet.TicketStatus, error) {
			return s.ResumeTicket(ctx, row.WorkflowID, fleet.SteerRequest{By: app.actor()})
		})
}

// steerTicketCommand makes a command that asks a ticket that has not ended for something.
func (a *App) steerTicketCommand(
	verb, short, long string,
	do func(context.Context, steering, fleet.TicketRow) (fleet.TicketStatus, error),
) *cobra.Command {
	var tenant tenantFlag
	c := command(verb+" TICKET", short, long, "  crawlfleet ticket "+verb+" t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			_, row, err := a.openTicket(ctx, tenant.tenant, fleet.TicketID(args[0]))
			if err != nil {
				return err
			}
			s, err := a.steer(ctx)
			if err != nil {
				return err
			}
			status, err := do(ctx, s, row)
			if err != nil {
				return err
			}
			return printOne(a, status, func(w io.Writer) {
				why := ""
				if status.Wait != nil {
					why = ": " + status.Wait.Message
				}
				fmt.Fprintf(w, "ticket %s is %s%s\n", args[0], status.State, why)
			})
		})
	tenant.add(c)
	return c
}

// openTicket reads the row of a ticket that has to be one that has not ended.
func (a *App) openTicket(
	ctx context.Context, tenant string, id fleet.TicketID,
) (t fleet.TenantID, row fleet.TicketRow, err error) {
	if t, row, err = a.ticketRow(ctx, tenant, id); err != nil {
		return t, row, err
	}
	if row.State == fleet.TicketEnded {
		return t, row, &fleet.Error{
			Code: fleet.CodeConflict, Field: "id", Message: fmt.Sprintf("ticket %s has ended already", id),
			Want: "a ticket that waits or runs", Hint: "crawlfleet ticket show " + string(id),
		}
	}
	return t, row, nil
}
