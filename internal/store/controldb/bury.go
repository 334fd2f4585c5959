package controldb

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Bury implements fleet.Control. A repeat answers the leases again that it freed, as
// long as their tickets have not been leased elsewhere.
func (s *Store) Bury(ctx context.Context, g fleet.GUID, reason string) (a fleet.BuryAnswer, err error) {
	err = s.write(ctx, "bury", func(w *work) error {
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		if c.State == fleet.CrawlerGone {
			a.Leases, err = w.evicted(c)
		} else {
			a.Leases, err = w.evict(&c, "its crawler was "+ended(&c)+" ("+reason+")")
			if err == nil {
				err = w.setCrawler(&c, fleet.CrawlerGone, fleet.DecidedBury, reason)
			}
		}
		if err != nil {
			return err
		}
		a.Follow.Conductors, err = w.hopeful(c)
		return err
	})
	return a, err
}

// evict frees the leases of a crawler that is no more. Their tickets wait for another
// one; those that are being ended go on with that.
func (w *work) evict(c *crawlerRow, why string) ([]fleet.LeaseRow, error) {
	leases, err := list(w, leaseColumns+`WHERE guid = ? ORDER BY taken_at, ticket`,
		[]any{c.GUID}, scanLease)
	if err != nil {
		return nil, err
	}
	for _, l := range leases {
		if err := w.release(l); err != nil {
			return nil, err
		}
		if _, err := w.Exec(`UPDATE tickets SET avoid = ?, never = 1 WHERE tenant = ? AND ticket = ?`,
			c.GUID, l.Tenant, l.Ticket); err != nil {
			return nil, err
		}
		t, err := w.ticket(l.Tenant, l.Ticket)
		if err != nil {
			return nil, err
		}
		if t.state != fleet.TicketRunning {
			continue
		}
		if err := w.hold(t, fleet.Wait{Code: fleet.WaitConductor, Message: why}); err != nil {
			return nil, err
		}
	}
	c.Leased = 0
	return leases, nil
}

// evicted lists the leases that evict freed and that nothing has come in the place of.
func (w *work) evicted(c crawlerRow) ([]fleet.LeaseRow, error) {
	return list(w, `SELECT tenant, ticket, guid, epoch, ?, ?, 0, 0, workflow_id, run_id, leased_at, 0
		FROM tickets WHERE tenant = ? AND state IN ('waiting', 'closing') AND avoid = ? AND guid = ?
		ORDER BY ticket`, []any{c.Offering, c.Address, c.Tenant, c.GUID, c.GUID}, scanLease)
}
