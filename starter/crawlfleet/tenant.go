package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantCommand(app *App) *cobra.Command {
	return group("tenant", "create, change and delete accounts",
		"A tenant is an account: a plan, a database, crawlers of its own. Nothing is shared with another.",
		newTenantCreateCommand(app), newTenantApplyCommand(app), newTenantListCommand(app),
		newTenantShowCommand(app), newTenantPlanCommand(app), newTenantSuspendCommand(app),
		newTenantResumeCommand(app), newTenantKeyCommand(app), newTenantWebhookSecretCommand(app),
		newTenantEgressCommand(app), newTenantSealCookiesCommand(app),
		newTenantDeleteCommand(app))
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
			return app.showTenant(ctx, fleet.TenantID(args[0]))
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
		spend, held := "", ""
		if p.MaxSpend != nil {
			spend = "at most " + p.MaxSpend.String() + " a month"
		}
		if t.Held != nil {
			held = t.Held.Message
		}
		facts(w, "tenant", string(t.Tenant), "name", t.Name,
			"state", a.paint(w, state(t.State).color, string(t.State)), "why", t.Reason, "held", held,
			"error", problem,
			"crawlers", "at most "+text(p.MaxCrawlers).text+" of "+text(p.SlotsPerCrawler).text+" slots",
			"slots", "at most "+text(p.MaxSlots).text, "pages", "at most "+text(p.MaxPages).text+" a ticket",
			"waiting", "at most "+text(p.MaxWaiting).text+" tickets", "spend", spend, "spent", spent(t.Spent),
			"idle", idle, "weight", text(p.Weight).text,
			"keeps", fmt.Sprintf("results %s, logs %s, rows %s", days(p.Keep.Results), days(p.Keep.Logs), days(p.Keep.Rows)),
			"webhooks", hooks(t.Webhooks))
		for _, s := range t.Steps {
			a.printStep(w, s)
		}
	})
}

func spent(m fleet.Money) string {
	if m == (fleet.Money{}) {
		return ""
	}
	return m.String() + " this month"
}

// days renders how long something is kept.
func days(d fleet.Duration) string {
	if day := 24 * time.Hour; d.Std()%day == 0 {
		return fmt.Sprintf("%d d", d.Std()/day)
	}
	return d.String()
}

func hooks(all []fleet.Webhook) string {
	urls := make([]string, len(all))
	for i, w := range all {
		urls[i] = w.URL
	}
	return strings.Join(urls, ", ")
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
