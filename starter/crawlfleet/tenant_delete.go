package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantDeleteCommand(app *App) *cobra.Command {
	var wait waitFlags
	c := command("delete TENANT", "delete a tenant with everything that is its own",
		`Deletes a tenant: its tickets are cancelled, its crawlers stopped, its database with all
results, its rows, logs and workflows are removed. What was paid for stays in the ledger.
The proof says what was removed where; with --wait it is printed, and the workflow that
carried it is removed too. It asks for the name first, unless --yes is given.`,
		"  crawlfleet tenant delete demo --yes --wait", 1, 1,
		func(ctx context.Context, args []string) error {
			return app.deleteTenant(ctx, fleet.TenantID(args[0]), wait)
		})
	wait.add(c.Flags())
	return c
}

func (a *App) deleteTenant(ctx context.Context, t fleet.TenantID, wait waitFlags) error {
	if err := a.confirm(string(t)); err != nil {
		return err
	}
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	status, err := s.DeleteTenant(ctx, t, fleet.DeleteRequest{By: a.actor()})
	if err != nil {
		return err
	}
	if wait.wait {
		waiting, cancel := wait.context(ctx)
		defer cancel()
		status, err = s.WaitTenant(waiting, t)
		if err != nil && waiting.Err() != nil {
			return a.stillWaiting(ctx, "tenant "+string(t), "crawlfleet tenant show "+string(t))
		}
		if err != nil {
			return err
		}
		if err := s.ForgetTenant(ctx, t); err != nil && !hasCode(err, fleet.CodeNotFound) {
			return err
		}
	}
	return a.printTenant(status)
}

// confirm asks for the name of what is to be deleted.
func (a *App) confirm(name string) error {
	if a.yes {
		return nil
	}
	if !a.isTerminal(a.In) {
		return &exitStatus{exitUsage, fleet.Invalid("yes", "nobody can be asked", "--yes")}
	}
	fmt.Fprintf(a.Err, "This removes %s and all its results. Type the name to go on: ", name)
	answer, _ := bufio.NewReader(a.In).ReadString('\n') // an end of input is no answer
	if strings.TrimSpace(answer) != name {
		return fleet.Errorf(fleet.CodeInvalid, "not deleted: the name was not typed")
	}
	return nil
}
