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

func newTicketScheduleCommand(app *App) *cobra.Command {
	return group("schedule", "submit tickets again and again",
		`Recurring crawls: a ticket that is submitted at the times of a cron expression or at an
interval. They are Temporal schedules named ticket/TENANT/NAME, so that temporal schedule
and the Web UI show and steer them too.`,
		newScheduleCreateCommand(app), newScheduleListCommand(app), newScheduleShowCommand(app),
		newSchedulePauseCommand(app), newScheduleResumeCommand(app), newScheduleTriggerCommand(app),
		newScheduleDeleteCommand(app))
}

// scheduleFlags are a schedule as flags say it.
type scheduleFlags struct {
	submitFlags
	cron          []string
	every, jitter time.Duration
	zone, overlap string
}

func newScheduleCreateCommand(app *App) *cobra.Command {
	f := scheduleFlags{overlap: string(fleet.OverlapSkip)}
	c := command("create NAME [URL...]", "make a recurring crawl",
		`Makes a recurring crawl of URLs and flags, or of one ticket document. Each time a ticket is
submitted whose id is the name and the instant. What happens when the one before it still
runs is the overlap policy: skip leaves the new one out and counts it (the default), queue
starts it when the other has ended, replace cancels the other one and keeps its results,
allow runs both. Times that a server was away for are made up for up to an hour later.`,
		`  crawlfleet ticket schedule create nightly https://example.com/ -t demo --cron "0 3 * * *"
  crawlfleet ticket schedule create news -f news.yaml --every 15m --overlap queue`, 1, -1,
		func(ctx context.Context, args []string) error {
			in, err := app.scheduleInput(args[0], args[1:], f)
			if err != nil {
				return err
			}
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			row, err := s.CreateSchedule(ctx, in)
			if err != nil {
				return err
			}
			return app.printSchedule(row)
		})
	f.changed = c.Flags().Changed
	f.addContent(c.Flags())
	c.Flags().StringArrayVar(&f.cron, "cron", nil, `when it is due: "0 3 * * *" or @daily; may be repeated`)
	c.Flags().DurationVar(&f.every, "every", 0, "time between two, instead of --cron")
	c.Flags().DurationVar(&f.jitter, "jitter", 0, "delay each by a random time of at most this")
	c.Flags().StringVar(&f.zone, "time-zone", "", "IANA time zone of --cron (default UTC)")
	c.Flags().Var(&oneOfValue{value: &f.overlap, allowed: overlapNames()}, "overlap",
		"when the one before it still runs")
	return c
}

func overlapNames() []string {
	var names []string
	for _, o := range fleet.Overlaps() {
		names = append(names, string(o))
	}
	return names
}

func (a *App) scheduleInput(name string, urls []string, f scheduleFlags) (fleet.ScheduleInput, error) {
	in := fleet.ScheduleInput{
		Name: fleet.ScheduleName(name), Cron: f.cron, Every: fleet.Duration(f.every),
		Jitter: fleet.Duration(f.jitter), TimeZone: f.zone, Overlap: fleet.Overlap(f.overlap),
	}
	requests, err := a.requests(urls, f.submitFlags)
	if err != nil {
		return in, err
	}
	if len(requests) != 1 {
		return in, fleet.Invalid("file", fmt.Sprintf("has %d documents", len(requests)), "one ticket")
	}
	if requests[0].err != nil {
		return in, requests[0].err
	}
	in.Ticket = requests[0].in
	in.Tenant = in.Ticket.Tenant
	return in.Normalise()
}

func newScheduleListCommand(app *App) *cobra.Command {
	var tenant string
	c := command("list", "list recurring crawls", "Lists recurring crawls, of all tenants or of one.",
		"  crawlfleet ticket schedule list --tenant demo", 0, 0,
		func(ctx context.Context, _ []string) error {
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			all, err := s.Schedules(ctx, fleet.TenantID(tenant))
			if err != nil {
				return err
			}
			head := []string{"TENANT", "NAME", "WHEN", "STATE", "NEXT", "LAST"}
			return printList(app, all, head, func(r fleet.ScheduleRow) []cell {
				return []cell{
					text(r.Tenant), text(r.Name), text(when(r)), scheduleState(r),
					text(moment(r.Next)), text(moment(r.Last)),
				}
			})
		})
	c.Flags().StringVarP(&tenant, "tenant", "t", "", "of this tenant only")
	return c
}

func when(r fleet.ScheduleRow) string {
	if r.Every > 0 {
		return "every " + strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(r.Every.String())
	}
	if r.TimeZone != "" {
		return strings.Join(r.Cron, ", ") + " " + r.TimeZone
	}
	return strings.Join(r.Cron, ", ")
}

func scheduleState(r fleet.ScheduleRow) cell {
	if r.Paused {
		return cell{"paused", yellow}
	}
	return cell{"active", green}
}

// scheduleCommand makes a command about one schedule.
func (a *App) scheduleCommand(
	verb, short, long string, do func(context.Context, steering, fleet.TenantID, fleet.ScheduleName) error,
) *cobra.Command {
	var tenant tenantFlag
	c := command(verb+" NAME", short, long, "  crawlfleet ticket schedule "+verb+" nightly --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			t, s, err := a.steeredTenant(ctx, tenant.tenant)
			if err != nil {
				return err
			}
			return do(ctx, s, t, fleet.ScheduleName(args[0]))
		})
	tenant.add(c)
	return c
}

// showing prints the schedule after what was done to it.
func (a *App) showing(
	ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName, err error,
) error {
	if err != nil {
		return err
	}
	row, err := s.Schedule(ctx, t, n)
	if err != nil {
		return err
	}
	return a.printSchedule(row)
}

func newScheduleShowCommand(app *App) *cobra.Command {
	return app.scheduleCommand("show", "show a recurring crawl",
		"Shows a recurring crawl: when it is due, and how many were started, skipped and missed.",
		func(ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName) error {
			return app.showing(ctx, s, t, n, nil)
		})
}

func newSchedulePauseCommand(app *App) *cobra.Command {
	return app.scheduleCommand("pause", "submit no more until it is resumed",
		"Pauses a recurring crawl. A ticket that runs goes on.",
		func(ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName) error {
			return app.showing(ctx, s, t, n, s.PauseSchedule(ctx, t, n, "paused by "+app.actor()))
		})
}

func newScheduleResumeCommand(app *App) *cobra.Command {
	return app.scheduleCommand("resume", "go on with a paused one",
		"Goes on with a paused recurring crawl. What was due meanwhile is not made up for.",
		func(ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName) error {
			return app.showing(ctx, s, t, n, s.ResumeSchedule(ctx, t, n, "resumed by "+app.actor()))
		})
}

func newScheduleTriggerCommand(app *App) *cobra.Command {
	return app.scheduleCommand("trigger", "submit one now",
		"Submits one ticket of a recurring crawl now, as far as its overlap policy lets it.",
		func(ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName) error {
			return app.showing(ctx, s, t, n, s.TriggerSchedule(ctx, t, n))
		})
}

func newScheduleDeleteCommand(app *App) *cobra.Command {
	return app.scheduleCommand("delete", "end a recurring crawl",
		"Ends a recurring crawl. Its tickets and their results stay.",
		func(ctx context.Context, s steering, t fleet.TenantID, n fleet.ScheduleName) error {
			if err := s.DeleteSchedule(ctx, t, n); err != nil {
				return err
			}
			app.note("schedule %s of tenant %s is deleted", n, t)
			return nil
		})
}

func (a *App) printSchedule(r fleet.ScheduleRow) error {
	return printOne(a, r, func(w io.Writer) {
		state := scheduleState(r)
		facts(w, "schedule", string(r.Name), "tenant", string(r.Tenant),
			"state", a.paint(w, state.color, state.text), "note", r.Note, "when", when(r),
			"overlap", string(r.Overlap), "next", moment(r.Next), "last", moment(r.Last),
			"started", text(r.Started).text, "skipped", text(r.Skipped).text, "missed", text(r.Missed).text,
			"running", join(r.Running), "temporal", r.ID)
	})
}
