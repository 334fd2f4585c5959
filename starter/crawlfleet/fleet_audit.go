package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newFleetAuditCommand(app *App) *cobra.Command {
	var filter fleet.AuditFilter
	var tenant string
	var since time.Duration
	c := command("audit", "list who did what",
		`Lists what was done to tenants and tickets by hand, the newest first: plans, suspensions,
keys, pauses, redeliveries, deletions. The lines of a deleted tenant go with it.`,
		"  crawlfleet fleet audit --tenant demo --since 24h -o csv", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			filter.Tenant = fleet.TenantID(tenant)
			if since > 0 {
				filter.Since = time.Now().Add(-since)
			}
			all, err := r.AuditTrail(ctx, filter)
			if err != nil {
				return err
			}
			head := []string{"AT", "WHO", "TENANT", "WHAT", "DETAIL"}
			return printList(app, all, head, func(a fleet.AuditRecord) []cell {
				return []cell{text(moment(a.At)), text(a.Actor), text(a.Tenant), text(a.Action), text(a.Detail)}
			})
		})
	c.Flags().StringVarP(&tenant, "tenant", "t", "", "of this tenant only")
	c.Flags().DurationVar(&since, "since", 0, "of the last this long (default all)")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most this many")
	return c
}
