package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// stepEvery is how often a provisioning is looked at: its steps take milliseconds to
// seconds, and each look is a query to a worker.
const stepEvery = 200 * time.Millisecond

func newTenantCreateCommand(app *App) *cobra.Command {
	var (
		in    fleet.TenantInput
		plan  planFlags
		files []string
		wait  waitFlags
	)
	c := command("create [TENANT]", "create a tenant",
		`Creates a tenant, by name and flags or from documents. Tickets may be submitted at once;
they wait until the tenant is provisioned. --wait shows each step.`,
		`  crawlfleet tenant create demo --max-crawlers 2 --wait
  crawlfleet tenant create -f tenants.yaml`, 0, 1,
		func(ctx context.Context, args []string) error {
			inputs := []fleet.TenantInput{in}
			switch {
			case len(files) > 0 && len(args) == 0:
				var err error
				if inputs, err = app.tenantDocuments(files); err != nil {
					return err
				}
			case len(args) == 1 && len(files) == 0:
				inputs[0].Tenant, inputs[0].Plan = fleet.TenantID(args[0]), plan.Plan
			default:
				return &exitStatus{exitUsage, fleet.Invalid("tenant", "is missing, or given twice",
					"a name or -f FILE")}
			}
			return app.createTenants(ctx, inputs, wait)
		})
	flags := c.Flags()
	flags.StringArrayVarP(&files, "file", "f", nil, "tenant documents, JSON or YAML; - for standard input")
	flags.StringVar(&in.Name, "name", "", "name for people")
	flags.StringToStringVar(&in.Labels, "label", nil, "label, name=value")
	flags.Lookup("label").DefValue = "" // its "[]" says nothing
	plan.add(flags)
	wait.add(flags)
	return c
}

func (a *App) tenantDocuments(files []string) ([]fleet.TenantInput, error) {
	docs, err := a.readDocuments(files)
	if err != nil {
		return nil, err
	}
	inputs := make([]fleet.TenantInput, len(docs))
	for i, d := range docs {
		if d.err == nil {
			inputs[i], d.err = fleet.ParseTenant(d.json)
		}
		if d.err != nil { // few are written at once: all or none
			a.printError(d.err, d.at)
			return nil, &exitStatus{code: exitError}
		}
	}
	return inputs, nil
}

func (a *App) createTenants(ctx context.Context, inputs []fleet.TenantInput, wait waitFlags) error {
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if err := s.StartTenant(ctx, in); err != nil {
			return err
		}
		status := fleet.TenantStatus{
			Tenant: in.Tenant, Name: in.Name, State: fleet.TenantProvisioning, Plan: in.Plan.WithDefaults(),
		}
		if wait.wait {
			if status, err = a.awaitTenant(ctx, s, in.Tenant, wait); err != nil {
				return err
			}
			if a.output == outputText && !a.quiet {
				status.Steps = nil // each was shown when it was done
			}
		}
		if err := a.printTenant(status); err != nil {
			return err
		}
		if status.State == fleet.TenantFailed {
			return &exitStatus{code: exitOutcome}
		}
	}
	return nil
}

// awaitTenant waits until a tenant is ready or has failed, and tells of each step.
func (a *App) awaitTenant(
	ctx context.Context, s steering, t fleet.TenantID, wait waitFlags,
) (fleet.TenantStatus, error) {
	waiting, cancel := wait.context(ctx)
	defer cancel()
	told := 0
	for {
		status, err := s.TenantStatus(waiting, t)
		for ; err == nil && told < len(status.Steps) && status.Steps[told].Done; told++ {
			if !a.quiet {
				a.printStep(a.Err, status.Steps[told])
			}
		}
		switch {
		case err == nil && status.State != fleet.TenantProvisioning:
			return status, nil
		case err != nil && waiting.Err() == nil && !hasCode(err, fleet.CodeUnavailable, fleet.CodeNotFound):
			return status, err
		}
		select {
		case <-waiting.Done():
			return status, a.stillWaiting(ctx, fmt.Sprintf("tenant %s", t), "crawlfleet tenant show "+string(t))
		case <-time.After(stepEvery):
		}
	}
}
