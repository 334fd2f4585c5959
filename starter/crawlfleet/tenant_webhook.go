package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// webhookSecret is what a receiver checks signatures with.
type webhookSecret struct {
	Tenant fleet.TenantID `json:"tenant"`
	Secret string         `json:"secret"`
}

func newTenantWebhookSecretCommand(app *App) *cobra.Command {
	return command("webhook-secret TENANT", "print what a tenant's webhooks are signed with",
		`Prints the secret that messages to a tenant's webhooks are signed with, for the receiver's
side. It follows from the fleet's own secret and the tenant's name, and is stored nowhere.`,
		"  crawlfleet tenant webhook-secret demo", 1, 1,
		func(ctx context.Context, args []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			t, err := r.Tenant(ctx, fleet.TenantID(args[0]))
			if err != nil {
				return err
			}
			d, err := app.dir()
			if err != nil {
				return err
			}
			secret, err := d.Secret()
			if err != nil {
				return err
			}
			s := webhookSecret{t.Tenant, fleet.WebhookSecret(secret, t.Tenant).Reveal()}
			return printOne(app, s, func(w io.Writer) { fmt.Fprintln(w, s.Secret) })
		})
}
