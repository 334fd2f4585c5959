package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// planFlags are a plan as flags say it.
type planFlags struct{ fleet.Plan }

func (f *planFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&f.MaxCrawlers, "max-crawlers", 0, "most crawlers at one time (default 5)")
	flags.IntVar(&f.SlotsPerCrawler, "slots", 0, "tickets that one crawler serves at a time (default 4)")
	flags.IntVar(&f.MaxSlots, "max-slots", 0,
		"most tickets served at one time (default crawlers times slots)")
	flags.Int64Var(&f.MaxPages, "max-pages", 0, "most pages of one ticket (default 100000)")
	flags.Var((*durationValue)(&f.IdleAfter), "idle-after", "how long a crawler may be idle (default the offering's)")
	flags.IntVar(&f.Weight, "weight", 0, "fair share, 1 to 1000 (default 1)")
	flags.IntVar(&f.MaxWaiting, "max-waiting", 0, "most tickets that wait at one time (default 10000)")
	flags.Var(&moneyValue{&f.MaxSpend}, "max-spend", "most that a month may cost, 12.50 EUR (default no limit)")
	flags.Var((*durationValue)(&f.Keep.Results), "keep-results", "how long results are kept (default 2160h)")
	flags.Var((*durationValue)(&f.Keep.Logs), "keep-logs", "how long logs of crawlers are kept (default 168h)")
	flags.Var((*durationValue)(&f.Keep.Rows), "keep-rows", "how long tickets and decisions are kept (default 9600h)")
}

// durationValue is a flag for a duration of the contract.
type durationValue fleet.Duration

func (v *durationValue) String() string {
	if *v == 0 {
		return ""
	}
	return time.Duration(*v).String()
}

func (v *durationValue) Type() string { return "duration" }

// Set reads a duration such as 90s.
func (v *durationValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	*v = durationValue(d)
	return err
}

// moneyValue is a flag for an amount that may be missing.
type moneyValue struct{ into **fleet.Money }

func (v *moneyValue) String() string {
	if v.into == nil || *v.into == nil {
		return ""
	}
	return (*v.into).String()
}

func (v *moneyValue) Type() string { return "amount" }

// Set reads an amount such as "12.50 EUR".
func (v *moneyValue) Set(text string) error {
	m, err := fleet.ParseMoney(text)
	*v.into = &m
	return err
}

func newTenantPlanCommand(app *App) *cobra.Command {
	var plan planFlags
	var unlimited bool
	c := command("plan TENANT", "show or change what a tenant may use",
		`Changes the parts of a tenant's plan that are given as flags, and shows the plan. A change
acts at once: more lets waiting tickets run, less drains the surplus when the tickets there
have ended. Without flags it only shows the plan.`,
		`  crawlfleet tenant plan demo --max-crawlers 3
  crawlfleet tenant plan demo --max-spend "25 EUR" --keep-results 720h`, 1, 1,
		func(ctx context.Context, args []string) error {
			t := fleet.TenantID(args[0])
			r := fleet.PlanRequest{Plan: plan.Plan, NoMaxSpend: unlimited, By: app.actor()}
			if r.Plan == (fleet.Plan{}) && !unlimited {
				return app.showTenant(ctx, t)
			}
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			status, err := s.ReplanTenant(ctx, t, r)
			if err != nil {
				return err
			}
			return app.printTenant(status)
		})
	plan.add(c.Flags())
	c.Flags().BoolVar(&unlimited, "no-max-spend", false, "take the spend cap away")
	return c
}

func (a *App) showTenant(ctx context.Context, t fleet.TenantID) error {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	status, err := r.Tenant(ctx, t)
	if err != nil {
		return err
	}
	return a.printTenant(status)
}
