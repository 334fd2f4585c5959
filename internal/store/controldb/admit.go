package controldb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Admit answers a crawler's state, and with a nonce admits one that is live: the first
// nonce is kept, as a digest, and any other is forbidden. The gateway asks it by the data
// plane, with a nonce once in a crawler's life, without one every few seconds.
func (s *Store) Admit(
	ctx context.Context, t fleet.TenantID, g fleet.GUID, nonce string,
) (state fleet.CrawlerState, err error) {
	run := s.read
	if nonce != "" {
		run = s.write
	}
	err = run(ctx, "admit a crawler", func(w *work) error {
		var tenant fleet.TenantID
		var admitted string
		err := w.One(`SELECT tenant, state, admitted FROM crawlers WHERE guid = ?`, []any{g},
			&tenant, &state, &admitted)
		switch {
		case missing(err) || err == nil && tenant != t:
			return fleet.Errorf(fleet.CodeForbidden, fmt.Sprintf("tenant %q has no crawler %s", t, g))
		case err != nil:
			return err
		case nonce == "":
			return nil
		case state == fleet.CrawlerRetired || state == fleet.CrawlerGone:
			return fleet.Errorf(fleet.CodeForbidden, fmt.Sprintf("crawler %s is %s", g, state))
		}
		digest := sha256.Sum256([]byte(nonce))
		ours := hex.EncodeToString(digest[:])
		switch admitted {
		case ours:
			return nil // asked again after a lost answer
		case "":
			_, err = w.Exec(`UPDATE crawlers SET admitted = ? WHERE guid = ?`, ours, g)
			return err
		default:
			return &fleet.Error{
				Code: fleet.CodeForbidden, Field: "nonce",
				Message: fmt.Sprintf("crawler %s has been admitted with another nonce", g),
			}
		}
	})
	return state, err
}
