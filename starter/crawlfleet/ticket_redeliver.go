package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTicketRedeliverCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	var id string
	c := command("redeliver TICKET", "tell webhooks again that could not be told",
		`Sends a ticket's messages to webhooks again that were set aside, with the ids that they had.
--message names one of them, which is sent again even if it was delivered.`,
		"  crawlfleet ticket redeliver t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			t, row, err := app.ticketRow(ctx, tenant.tenant, fleet.TicketID(args[0]))
			if err != nil {
				return err
			}
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			refs, err := s.Redeliver(ctx, fleet.RedeliverRequest{
				Tenant: t, Ticket: row.Input.ID, ID: fleet.DeliveryID(id), By: app.actor(),
			})
			if err != nil {
				return err
			}
			return printList(app, refs, []string{"TENANT", "MESSAGE"}, func(r fleet.DeliveryRef) []cell {
				return []cell{text(r.Tenant), text(r.ID)}
			})
		})
	tenant.add(c)
	c.Flags().StringVar(&id, "message", "", "only the message with this id")
	return c
}

func newTicketDeliveriesCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	c := command("deliveries TICKET", "list what webhooks were told of a ticket",
		"Lists a ticket's messages to webhooks: what they were told, how often it was tried, and what was wrong.",
		"  crawlfleet ticket deliveries t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			r, t, err := app.readTenant(ctx, tenant.tenant)
			if err != nil {
				return err
			}
			if _, err := r.Ticket(ctx, t, fleet.TicketID(args[0])); err != nil {
				return err
			}
			all, err := r.Deliveries(ctx, t, fleet.TicketID(args[0]))
			if err != nil {
				return err
			}
			head := []string{"MESSAGE", "NOTICE", "STATE", "TRIES", "TRIED", "URL", "ERROR"}
			return printList(app, all, head, func(d fleet.Delivery) []cell {
				return []cell{
					text(d.ID), text(d.Notice), deliveryState(d.State), text(d.Tries),
					text(moment(d.TriedAt)), text(d.URL), text(d.LastError),
				}
			})
		})
	tenant.add(c)
	return c
}

func deliveryState(s fleet.DeliveryState) cell {
	switch s {
	case fleet.DeliveryDone:
		return cell{string(s), green}
	case fleet.DeliverySetAside:
		return cell{string(s), red}
	default:
		return cell{string(s), yellow}
	}
}
