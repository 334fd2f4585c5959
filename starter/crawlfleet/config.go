package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func newConfigCommand(app *App) *cobra.Command {
	show := command("show", "print every setting with where it comes from",
		`Prints every setting with its value and where that comes from: flag, environment,
file or default. Secrets are printed as ***.`,
		"  crawlfleet config show -o json", 0, 0, app.configShow)
	check := command("check", "check the configuration",
		`Checks the configuration, names the first setting that is wrong, and refuses environment
variables that begin with CRAWLFLEET_ and that nothing reads.`,
		"  crawlfleet config check --config fleet.yaml", 0, 0, app.configCheck)
	return group("config", "print and check the configuration",
		`Prints and checks the configuration: flag over environment over file over default. The
connection to Temporal is not part of it: that is the Temporal SDK's own (TEMPORAL_ADDRESS, …).`,
		show, check)
}

func (a *App) configShow(context.Context, []string) error {
	l, err := a.config()
	if err != nil {
		return err
	}
	return printList(a, l.Values(), []string{"SETTING", "VALUE", "FROM"}, func(v config.Value) []cell {
		return []cell{text(v.Path), text(v.Value), text(strings.TrimSpace(string(v.Origin) + " " + v.At))}
	})
}

func (a *App) configCheck(context.Context, []string) error {
	l, err := a.config()
	if err != nil {
		return err
	}
	if len(l.Unknown) > 0 {
		return &fleet.Error{
			Code: fleet.CodeUnknownField, Field: l.Unknown[0], Message: "nothing reads this variable",
			Want: "a setting's variable", Hint: "crawlfleet config show lists the settings",
		}
	}
	if _, err := client.Configured(a.Environ); err != nil {
		return fleet.Invalid("temporal", err.Error(), "the Temporal SDK's configuration")
	}
	a.note("the configuration is good")
	return nil
}
