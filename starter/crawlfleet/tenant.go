package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantCommand(app *App) *cobra.Command {
	return group("tenant", "create, change and delete accounts",
		"A tenant is an account: a plan, a database, crawlers of its own. Nothing is shared with another.",
		newTenantCreateCommand(app), newTenantApplyCommand(app), newTenantListCommand(app),
		newTenantShowCommand(app), newTenantDeleteCommand(app))
}

func newTenantListCommand(app *App) *cobra.Command {
	return command("list", "list the tenants", "Lists the tenants with their state and plan.",
		"  crawlfleet tenant list -o json", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			all, err := r.Tenants(ctx)
			if err != nil {
				return err
			}
			head := []string{"TENANT", "STATE", "CRAWLERS", "SLOTS", "PAGES", "WEIGHT", "NAME"}
			return printList(app, all, head, func(t fleet.TenantStatus) []cell {
				p := t.Plan.WithDefaults()
				return []cell{
					text(t.Tenant), state(t.State), text(p.MaxCrawlers), text(p.MaxSlots),
					text(p.MaxPages), text(p.Weight), text(t.Name),
				}
			})
		})
}

func newTenantShowCommand(app *App) *cobra.Command {
	return command("show TENANT", "show a tenant", "Shows a tenant's state and plan.",
		"  crawlfleet tenant show demo", 1, 1,
		func(ctx context.Context, args []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			t, err := r.Tenant(ctx, fleet.TenantID(args[0]))
			if err != nil {
				return err
			}
			return app.printTenant(t)
		})
}

func (a *App) printTenant(t fleet.TenantStatus) error {
	return printOne(a, t, func(w io.Writer) {
		p := t.Plan.WithDefaults()
		idle := "the offering's"
		if p.IdleAfter > 0 {
			idle = p.IdleAfter.String()
		}
		problem := ""
		if t.Error != nil {
			problem = t.Error.Error()
		}
		facts(w, "tenant", string(t.Tenant), "name", t.Name,
			"state", a.paint(w, state(t.State).color, string(t.State)), "error", problem,
			"crawlers", "at most "+text(p.MaxCrawlers).text+" of "+text(p.SlotsPerCrawler).text+" slots",
			"slots", "at most "+text(p.MaxSlots).text, "pages", "at most "+text(p.MaxPages).text+" a ticket",
			"idle", idle, "weight", text(p.Weight).text)
		for _, s := range t.Steps {
			a.printStep(w, s)
		}
	})
}

func (a *App) printStep(w io.Writer, s fleet.TenantStep) {
	line := s.Name
	if s.Took > 0 {
		line += " (" + span(s.Took.Std()) + ")"
	}
	if s.Detail != "" {
		line += ": " + s.Detail
	}
	mark := a.paint(w, yellow, "…")
	if s.Done {
		mark = a.paint(w, green, "✓")
	}
	_, _ = io.WriteString(w, "  "+mark+" "+strings.TrimSpace(line)+"\n") // a closed pipe ends the program anyway
}
