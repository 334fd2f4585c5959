package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantSuspendCommand(app *App) *cobra.Command {
	var r fleet.SuspendRequest
	c := command("suspend TENANT", "drain a tenant to zero",
		`Suspends a tenant: its crawlers drain, nothing new starts, and it costs nothing. Running
tickets go on until the grace, then they wait with what they have stored; new tickets are
taken and wait. "tenant resume" goes on with all of them.`,
		`  crawlfleet tenant suspend demo --reason "unpaid invoice"`, 1, 1,
		func(ctx context.Context, args []string) error {
			r.By = app.actor()
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			status, err := s.SuspendTenant(ctx, fleet.TenantID(args[0]), r)
			if err != nil {
				return err
			}
			return app.printTenant(status)
		})
	c.Flags().StringVar(&r.Reason, "reason", "", "why, for people")
	c.Flags().DurationVar((*time.Duration)(&r.Grace), "grace", 0,
		"how long running tickets may go on (default 30s)")
	return c
}

func newTenantResumeCommand(app *App) *cobra.Command {
	return command("resume TENANT", "let a suspended tenant go on",
		"Lets a suspended tenant go on: its waiting tickets are dispatched in their order.",
		"  crawlfleet tenant resume demo", 1, 1,
		func(ctx context.Context, args []string) error {
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			status, err := s.ResumeTenant(ctx, fleet.TenantID(args[0]), fleet.ResumeRequest{By: app.actor()})
			if err != nil {
				return err
			}
			return app.printTenant(status)
		})
}
