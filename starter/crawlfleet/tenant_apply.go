package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantApplyCommand(app *App) *cobra.Command {
	var files []string
	c := command("apply -f FILE", "create or change tenants from documents",
		`Makes each tenant what its document says: one that is not there is created, the plan, the
name and the labels of one that is there are changed. Running tickets keep their crawlers.`,
		`  crawlfleet tenant apply -f demo.yaml
  echo '{"tenant":"demo","plan":{"maxCrawlers":3}}' | crawlfleet tenant apply -f -`, 0, 0,
		func(ctx context.Context, _ []string) error { return app.applyTenants(ctx, files) })
	c.Flags().StringArrayVarP(&files, "file", "f", nil, "tenant documents, JSON or YAML; - for standard input")
	return c
}

func (a *App) applyTenants(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return &exitStatus{exitUsage, fleet.Invalid("file", "is missing", "-f FILE")}
	}
	inputs, err := a.tenantDocuments(files)
	if err != nil {
		return err
	}
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		status, err := s.ApplyTenant(ctx, in)
		if hasCode(err, fleet.CodeNotFound) {
			status = fleet.TenantStatus{
				Tenant: in.Tenant, Name: in.Name, State: fleet.TenantProvisioning, Plan: in.Plan.WithDefaults(),
			}
			err = s.StartTenant(ctx, in)
		}
		if err != nil {
			return err
		}
		if err := a.printTenant(status); err != nil {
			return err
		}
	}
	return nil
}
