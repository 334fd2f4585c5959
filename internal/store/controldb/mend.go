package controldb

import (
	"context"
	"fmt"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// What contradicts what. The CASE keeps within the slots what a recount writes: the
// constraint refuses more, and a lease too many is not this case's to free.
const (
	strayLeases = `WHERE NOT EXISTS (SELECT 1 FROM tickets t
		WHERE t.tenant = leases.tenant AND t.ticket = leases.ticket AND t.state <> 'ended')`
	buriedLeases = `WHERE state = 'gone' AND guid IN (SELECT guid FROM leases)`
	miscounted   = `WHERE state <> 'gone' AND leased <> ` + recounted
	leaseless    = `FROM tickets WHERE state <> 'ended' AND state = 'running' AND NOT EXISTS (
		SELECT 1 FROM leases l WHERE l.tenant = tickets.tenant AND l.ticket = tickets.ticket)`
	strayDeliveries = `FROM deliveries WHERE state = 'pending' AND NOT EXISTS (SELECT 1 FROM tickets t
		WHERE t.tenant = deliveries.tenant AND t.ticket = deliveries.ticket)`

	recounted = `(SELECT CASE WHEN count(*) > crawlers.slots THEN crawlers.slots ELSE count(*) END
		FROM leases l WHERE l.guid = crawlers.guid)`
)

// Mend implements fleet.Control. It reads first: the one writer is left to the tickets
// where nothing is wrong.
func (s *Store) Mend(ctx context.Context, limit int) (fleet.Mended, error) {
	sound := true
	err := s.read(ctx, "look for contradictions", func(w *work) (err error) {
		sound, err = w.sound()
		return err
	})
	if err != nil || sound {
		return fleet.Mended{}, err
	}
	var out fleet.Mended
	err = s.write(ctx, "mend", func(w *work) error {
		m := mending{work: w, limit: limit, out: fleet.Mended{Cures: map[fleet.MendCase]int{}}}
		err := m.run()
		out = m.out
		return err
	})
	return out, err
}

func (w *work) sound() (bool, error) {
	for _, what := range []string{
		`FROM leases ` + strayLeases, `FROM crawlers ` + buriedLeases, `FROM crawlers ` + miscounted,
		leaseless, strayDeliveries,
	} {
		var n int
		err := w.One(`SELECT count(*) FROM (SELECT 1 `+what+` LIMIT 1) AS found`, nil, &n)
		if err != nil || n > 0 {
			return false, err
		}
	}
	return true, nil
}

// mending is one Mend.
type mending struct {
	*work
	limit   int
	out     fleet.Mended
	tenants []fleet.TenantID // of what was healed
}

// run heals in an order in which each case finds what the one before it left right: a
// slot that is given back is counted down, and a freed lease's ticket is looked at.
func (m *mending) run() error {
	for _, heal := range []func() error{
		m.counts, m.strayLeases, m.burials, m.leaseless, m.strayDeliveries, m.follow,
	} {
		if err := heal(); err != nil {
			return err
		}
	}
	return nil
}

func (m *mending) counts() error {
	rows, err := list(m.work, crawlerColumns+miscounted+` ORDER BY seq LIMIT ?`,
		[]any{m.limit}, scanCrawler)
	if err != nil {
		return err
	}
	for _, c := range rows {
		if err := m.recount(c.GUID); err != nil {
			return err
		}
		now, err := m.crawler(c.GUID)
		if err != nil {
			return err
		}
		if err := m.healed(fleet.MendCount, c.Tenant, "", c.GUID, fmt.Sprintf(
			"crawler %s was counted with %d leases and has %d", c.GUID.Short(), c.Leased, now.Leased)); err != nil {
			return err
		}
	}
	return nil
}

// recount writes the leases that a crawler has. One that has none is idle from now on.
func (m *mending) recount(g fleet.GUID) error {
	if _, err := m.Exec(`UPDATE crawlers SET leased = `+recounted+` WHERE guid = ?`, g); err != nil {
		return err
	}
	_, err := m.Exec(`UPDATE crawlers SET idle_from = CASE WHEN leased > 0 THEN 0
			WHEN idle_from = 0 AND serving_at > 0 THEN ? ELSE idle_from END
		WHERE guid = ?`, store.Micros(m.now), g)
	return err
}

// strayLeases frees leases without a ticket that could hold them. Their time is booked.
func (m *mending) strayLeases() error {
	rows, err := list(m.work, leaseColumns+strayLeases+` ORDER BY tenant, ticket LIMIT ?`,
		[]any{m.limit}, scanLease)
	if err != nil {
		return err
	}
	for _, l := range rows {
		if err := m.recount(l.GUID); err != nil {
			return err
		}
		if err := m.release(l); err != nil {
			return err
		}
		m.out.Leases = append(m.out.Leases, l)
		if err := m.healed(fleet.MendLease, l.Tenant, "", l.GUID, fmt.Sprintf(
			"a slot of crawler %s is given back: ticket %s, which held it, has ended or does not exist",
			l.GUID.Short(), l.Ticket)); err != nil {
			return err
		}
	}
	return nil
}

// burials frees the leases on crawlers that are gone.
func (m *mending) burials() error {
	if m.out.Cures[fleet.MendLease] == m.limit {
		return nil // a lease may be left that has no ticket: the next round looks
	}
	rows, err := list(m.work, crawlerColumns+buriedLeases+` ORDER BY seq LIMIT ?`,
		[]any{m.limit}, scanCrawler)
	if err != nil {
		return err
	}
	for _, c := range rows {
		if err := m.recount(c.GUID); err != nil {
			return err
		}
		freed, err := m.evict(&c, "its crawler is gone")
		if err != nil {
			return err
		}
		m.out.Leases = append(m.out.Leases, freed...)
		for _, l := range freed {
			if err := m.healed(fleet.MendBurial, l.Tenant, l.Ticket, l.GUID, fmt.Sprintf(
				"its lease is freed: crawler %s is gone", l.GUID.Short())); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaseless has running tickets without a lease wait. The crawl that they may have is
// failed by the caller: then they ask.
func (m *mending) leaseless() error {
	rows, err := list(m.work, `SELECT `+ticketFields+` `+leaseless+` ORDER BY tenant, ticket LIMIT ?`,
		[]any{m.limit}, scanTicket)
	if err != nil {
		return err
	}
	for i := range rows {
		t := &rows[i]
		l := fleet.LeaseRow{WorkflowID: t.workflowID, RunID: t.runID}
		l.Tenant, l.Ticket, l.GUID, l.Epoch = t.tenant, t.id, t.guid, t.epoch
		m.out.Leases = append(m.out.Leases, l)
		if err := m.healed(fleet.MendTicket, t.tenant, t.id, t.guid,
			"it was running without a lease, and is told to ask for one"); err != nil {
			return err
		}
		if err := m.hold(t, fleet.Wait{Code: fleet.WaitConductor, Message: "its lease was lost"}); err != nil {
			return err
		}
	}
	return nil
}

// strayDeliveries removes messages that nobody could read, redeliver or prune.
func (m *mending) strayDeliveries() error {
	refs, err := list(m.work, `SELECT tenant, id `+strayDeliveries+` ORDER BY tenant, id LIMIT ?`,
		[]any{m.limit}, scanRef)
	if err != nil {
		return err
	}
	for _, d := range refs {
		if _, err := m.Exec(`DELETE FROM deliveries WHERE tenant = ? AND id = ?`, d.Tenant, d.ID); err != nil {
			return err
		}
		if err := m.healed(fleet.MendDelivery, d.Tenant, "", "",
			fmt.Sprintf("message %s is dropped: its ticket does not exist", d.ID)); err != nil {
			return err
		}
	}
	return nil
}

// healed records and counts a cure. A ticket that does not exist is named in the reason
// only: its thread would be nobody's to prune.
func (m *mending) healed(
	c fleet.MendCase, t fleet.TenantID, id fleet.TicketID, g fleet.GUID, reason string,
) error {
	m.out.Cures[c]++
	if !slices.Contains(m.tenants, t) {
		m.tenants = append(m.tenants, t)
	}
	return m.decided(t, id, g, fleet.DecidedMend, reason)
}

// follow hands the slots on that have come free, and names who waits for more.
func (m *mending) follow() error {
	for _, id := range m.tenants {
		t, err := m.tenant(id)
		if fleet.CodeOf(err) == fleet.CodeNotFound {
			continue // what is left of an erased tenant
		}
		if err != nil {
			return err
		}
		if err := m.grant(t); err != nil {
			return err
		}
		grants, err := m.grants(id)
		if err != nil {
			return err
		}
		waiting, err := m.ifWaiting(id)
		if err != nil {
			return err
		}
		m.out.Follow.Grants = append(m.out.Follow.Grants, grants...)
		m.out.Follow.Conductors = append(m.out.Follow.Conductors, waiting...)
	}
	return nil
}
