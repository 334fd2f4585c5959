package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantEgressCommand(app *App) *cobra.Command {
	var limit int
	c := command("egress TENANT", "list what is known of addresses at the hosts that a tenant crawls",
		`Lists which addresses a tenant's crawls have used at which host, and which of them the host
refuses: those are not offered for it until the ban ends. Banned ones come first, then the
last used.`,
		"  crawlfleet tenant egress demo -o json", 1, 1,
		func(ctx context.Context, args []string) error {
			r, t, err := app.readTenant(ctx, args[0])
			if err != nil {
				return err
			}
			all, err := r.Egress(ctx, t, limit)
			if err != nil {
				return err
			}
			head := []string{"HOST", "ADDRESS", "LAST USED", "A PAGE TAKES", "BANNED UNTIL", "WHY"}
			return printList(app, all, head, func(e fleet.EgressRow) []cell {
				took, banned := cell{}, cell{}
				if e.Took > 0 {
					took = text(e.Took.Std().Round(time.Millisecond))
				}
				if e.Slow {
					took.color = yellow
				}
				if !e.Banned.IsZero() {
					banned = cell{moment(e.Banned), yellow}
				}
				return []cell{text(e.Host), text(e.Address), text(moment(e.Used)), took, banned, text(e.Why)}
			})
		})
	c.Flags().IntVar(&limit, "limit", 100, "at most this many")
	return c
}
