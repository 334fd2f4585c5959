package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTenantKeyCommand(app *App) *cobra.Command {
	return group("key", "give and take keys to a tenant's pages",
		`A key opens the pages of one tenant, and of no other. It is made here and shown once: the
fleet stores and sends only its digest.`,
		newKeyCreateCommand(app), newKeyListCommand(app), newKeyRevokeCommand(app))
}

// newKey is a key with its only sight of the secret.
type newKey struct {
	fleet.KeyRow
	Key string `json:"key"`
}

func newKeyCreateCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	var valid time.Duration
	c := command("create NAME", "make a key and show it once",
		"Makes a key of a tenant and prints it. It cannot be shown again.",
		"  crawlfleet tenant key create ann --tenant demo --valid-for 2160h", 1, 1,
		func(ctx context.Context, args []string) error {
			r := fleet.KeyRequest{Name: args[0], By: app.actor()}
			if valid > 0 {
				r.ExpiresAt = time.Now().Add(valid).UTC().Truncate(time.Second)
			}
			return app.createKey(ctx, tenant.tenant, r)
		})
	tenant.add(c)
	c.Flags().DurationVar(&valid, "valid-for", 0, "how long it opens the pages (default for ever)")
	return c
}

func (a *App) createKey(ctx context.Context, tenant string, r fleet.KeyRequest) error {
	t, s, err := a.steeredTenant(ctx, tenant)
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	key := fleet.Secret(fleet.KeyPrefix + base64.RawURLEncoding.EncodeToString(secret))
	r.Digest = fleet.KeyDigest(key)
	row, err := s.AddKey(ctx, t, r)
	if err != nil {
		return err
	}
	return printOne(a, newKey{row, key.Reveal()}, func(w io.Writer) {
		fmt.Fprintln(w, key.Reveal())
		a.note("this is key %s of tenant %s; it cannot be shown again", row.Name, t)
	})
}

func newKeyListCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	c := command("list", "list a tenant's keys", "Lists the keys of a tenant, revoked ones too.",
		"  crawlfleet tenant key list --tenant demo", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, t, err := app.readTenant(ctx, tenant.tenant)
			if err != nil {
				return err
			}
			all, err := r.Keys(ctx, t)
			if err != nil {
				return err
			}
			now := time.Now()
			head := []string{"NAME", "STATE", "DIGEST", "CREATED", "EXPIRES", "REVOKED"}
			return printList(app, all, head, func(k fleet.KeyRow) []cell {
				state := cell{"valid", green}
				switch {
				case !k.RevokedAt.IsZero():
					state = cell{"revoked", red}
				case !k.Valid(now):
					state = cell{"expired", red}
				}
				return []cell{
					text(k.Name), state, text(k.Digest), text(moment(k.CreatedAt)),
					text(moment(k.ExpiresAt)), text(moment(k.RevokedAt)),
				}
			})
		})
	tenant.add(c)
	return c
}

func newKeyRevokeCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	c := command("revoke NAME", "end a key at once",
		"Ends a key: it opens nothing any more, and who is logged in with it is logged out.",
		"  crawlfleet tenant key revoke ann --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			t, s, err := app.steeredTenant(ctx, tenant.tenant)
			if err != nil {
				return err
			}
			row, err := s.RevokeKey(ctx, t, fleet.RevokeRequest{Name: args[0], By: app.actor()})
			if err != nil {
				return err
			}
			return printOne(app, row, func(w io.Writer) {
				fmt.Fprintf(w, "key %s of tenant %s is revoked\n", row.Name, t)
			})
		})
	tenant.add(c)
	return c
}
