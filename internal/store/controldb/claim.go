package controldb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Claimable answers the ticket's effective specification when a crawler holds its
// lease with this epoch; not_found without such a ticket, fenced without the lease.
// The data plane asks it at every claim.
func (s *Store) Claimable(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, g fleet.GUID, epoch int64,
) (in fleet.TicketInput, err error) {
	err = s.read(ctx, "check a claim", func(w *work) error {
		var spec string
		var holder fleet.GUID
		var held int64
		err := w.One(`SELECT t.spec, COALESCE(l.guid, ''), COALESCE(l.epoch, 0) FROM tickets t
			LEFT JOIN leases l ON l.tenant = t.tenant AND l.ticket = t.ticket
			WHERE t.tenant = ? AND t.ticket = ?`, []any{t, id}, &spec, &holder, &held)
		switch {
		case missing(err):
			return notFound("ticket", fmt.Sprintf("ticket %q of tenant %q", id, t))
		case err != nil:
			return err
		case holder != g || held != epoch:
			return fleet.Errorf(fleet.CodeFenced, fmt.Sprintf("%s does not hold ticket %q with epoch %d", g, id, epoch))
		}
		return parse(spec, &in)
	})
	return in, err
}
