package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func newFleetCommand(app *App) *cobra.Command {
	return group("fleet", "look at the whole fleet",
		"Looks at the whole fleet: whether it runs, what it does, where it can run, what it costs.",
		newFleetStatusCommand(app), newFleetOfferingsCommand(app), newFleetCostCommand(app),
		newFleetAuditCommand(app))
}

// fleetStatus is the fleet at a glance.
type fleetStatus struct {
	Fleet    fleet.FleetID              `json:"fleet"`
	DataDir  string                     `json:"dataDir"`
	Running  *config.Running            `json:"running,omitempty"` // absent when it does not run here
	Tenants  map[fleet.TenantState]int  `json:"tenants"`
	Crawlers map[fleet.CrawlerState]int `json:"crawlers"`
	Tickets  map[fleet.TicketState]int  `json:"tickets"` // not ended; at most countAtMost of each
}

// countAtMost bounds how many rows are read only to count them.
const countAtMost = 10_000

func newFleetStatusCommand(app *App) *cobra.Command {
	return command("status", "show whether the fleet runs and what it does",
		"Shows whether the fleet of the data directory runs, where it can be reached, and what it does.",
		"  crawlfleet fleet status -o json", 0, 0,
		func(ctx context.Context, _ []string) error {
			s, err := app.fleetStatus(ctx)
			if err != nil {
				return err
			}
			return printOne(app, s, func(w io.Writer) { app.printStatus(w, s) })
		})
}

func (a *App) fleetStatus(ctx context.Context) (fleetStatus, error) {
	s := fleetStatus{
		Tenants: map[fleet.TenantState]int{}, Crawlers: map[fleet.CrawlerState]int{},
		Tickets: map[fleet.TicketState]int{},
	}
	d, err := a.dir()
	if err != nil {
		return s, err
	}
	s.Fleet, s.DataDir = d.Stamp.Fleet, d.Path
	switch r, err := d.Running(); {
	case err == nil:
		s.Running = &r
	case !hasCode(err, fleet.CodeUnavailable):
		return s, err
	}
	r, err := a.reader(ctx)
	if err != nil {
		return s, err
	}
	tenants, err := r.Tenants(ctx)
	if err != nil {
		return s, err
	}
	for _, t := range tenants {
		s.Tenants[t.State]++
	}
	crawlers, err := r.Crawlers(ctx, "")
	if err != nil {
		return s, err
	}
	for _, c := range crawlers {
		s.Crawlers[c.State]++
	}
	for _, state := range []fleet.TicketState{fleet.TicketWaiting, fleet.TicketRunning, fleet.TicketClosing} {
		rows, err := r.Tickets(ctx, fleet.TicketFilter{State: state, Limit: countAtMost})
		if err != nil {
			return s, err
		}
		if len(rows) > 0 {
			s.Tickets[state] = len(rows)
		}
	}
	return s, nil
}

func (a *App) printStatus(w io.Writer, s fleetStatus) {
	pairs := []string{"fleet", string(s.Fleet), "data directory", s.DataDir}
	if s.Running == nil {
		pairs = append(pairs, "state", a.paint(w, yellow, "not running"))
	} else {
		pairs = append(pairs,
			"state", fmt.Sprintf("%s as process %d since %s",
				a.paint(w, green, "running"), s.Running.PID, moment(s.Running.Started)),
			"temporal", s.Running.Temporal+" "+s.Running.Namespace, "web ui", s.Running.UI, "pages", s.Running.Web,
			"metrics", s.Running.HTTP)
	}
	pairs = append(pairs,
		"tenants", counts(s.Tenants, "provisioning", "ready", "failed", "deleting"),
		"crawlers", counts(s.Crawlers, "reserved", "starting", "serving", "draining", "retired"),
		"tickets", counts(s.Tickets, "waiting", "running", "closing"))
	facts(w, pairs...)
}

// counts renders the states that occur, in the order of a life.
func counts[S ~string](m map[S]int, order ...S) string {
	var parts []string
	for _, s := range order {
		if m[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[s], s))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func newFleetOfferingsCommand(app *App) *cobra.Command {
	return command("offerings", "list the places where crawlers can run",
		"Lists the places where crawlers can run, with price, use and what keeps a place out of decisions.",
		"  crawlfleet fleet offerings", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			all, err := r.Offerings(ctx)
			if err != nil {
				return err
			}
			head := []string{"OFFERING", "COUNTRY", "PRICE/H", "BILLED BY", "RUNNING", "EGRESS", "IDLE", "COOLS DOWN"}
			return printList(app, all, head, func(o fleet.OfferingStatus) []cell {
				use, cools := text(o.Running), cell{}
				if o.Capacity > 0 {
					use = text(fmt.Sprintf("%d/%d", o.Running, o.Capacity))
				}
				if o.Cooldown != nil {
					cools = cell{"until " + moment(o.Cooldown.Until) + ": " + o.Cooldown.Reason, yellow}
				}
				return []cell{
					text(o.ID), text(o.Country), text(o.Price), text(o.Grain), use,
					text(o.Egress), text(o.IdleAfter), cools,
				}
			})
		})
}

func newFleetCostCommand(app *App) *cobra.Command {
	var since time.Duration
	c := command("cost", "sum what was paid for, by tenant",
		`Sums the ledger by tenant. A tenant that is not final has
crawlers whose start and idle time is not booked yet.`,
		"  crawlfleet fleet cost --since 24h", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			bills, err := r.Costs(ctx, time.Now().Add(-since))
			if err != nil {
				return err
			}
			return printList(app, bills, []string{"TENANT", "TOTAL", "FINAL"}, func(b fleet.Bill) []cell {
				return []cell{text(b.Tenant), text(b.Total), text(b.Final)}
			})
		})
	c.Flags().DurationVar(&since, "since", 30*24*time.Hour, "of the last this long")
	return c
}
