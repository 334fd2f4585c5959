package controldb

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// Ungrant implements fleet.Control. The ticket is left closing: the reaper finds out
// what became of its workflow.
func (s *Store) Ungrant(ctx context.Context, g fleet.Grant) (f fleet.Follow, err error) {
	err = s.write(ctx, "ungrant", func(w *work) error {
		l, err := w.lease(g.Tenant, g.Ticket)
		if err != nil {
			return err
		}
		if l != nil && l.Granted && l.Epoch == g.Epoch {
			if err := w.giveBack(*l); err != nil {
				return err
			}
		}
		f.Grants, err = w.grants(g.Tenant)
		return err
	})
	return f, err
}

func (w *work) giveBack(l fleet.LeaseRow) error {
	if err := w.release(l); err != nil {
		return err
	}
	if _, err := w.Exec(`UPDATE tickets SET state = 'closing'
		WHERE tenant = ? AND ticket = ? AND state = 'running'`,
		l.Tenant, l.Ticket); err != nil {
		return err
	}
	if err := w.decided(l.Tenant, l.Ticket, l.GUID, fleet.DecidedGrant,
		"its slot is given back: its workflow had ended before it could take it"); err != nil {
		return err
	}
	t, err := w.tenant(l.Tenant)
	if err != nil {
		return err
	}
	return w.grant(t)
}

// grant hands the tenant's free slots to its waiting tickets in their order. Nothing
// else may be changed about its crawlers in between: s is kept up to date here.
func (w *work) grant(t tenantRow) error {
	if t.State != fleet.TenantReady || t.Held != nil {
		return nil
	}
	var s plan.State
	for skip := 0; ; skip += grantPage {
		waiting, err := list(w, waitingQuery+` LIMIT ? OFFSET ?`, []any{t.ID, grantPage, skip}, scanTicket)
		if err != nil || len(waiting) == 0 {
			return err
		}
		if skip == 0 {
			if s, err = w.observeTenant(t, warm); err != nil {
				return err
			}
		}
		for i := range waiting {
			if !hasFree(s) {
				return nil
			}
			granted, err := w.grantOne(&s, &waiting[i])
			if err != nil {
				return err
			}
			if granted {
				skip-- // it no longer waits: the pages after it have moved up
			}
		}
	}
}

// grantPage is how many waiting tickets are looked at at a time: a flood of them
// must not make every Record read thousands.
const grantPage = 16

func (w *work) grantOne(s *plan.State, t *ticketRow) (bool, error) {
	d, err := w.demandOf(t, s)
	if err != nil {
		return false, err
	}
	if d.Session != nil {
		if err := w.session(s, t.tenant, d.Session.Key); err != nil {
			return false, err
		}
	}
	c := plan.Route(*s, d)
	if c.GUID == "" {
		return false, nil
	}
	l, err := w.take(t, c.GUID, true, c.Reason)
	if err != nil {
		return false, err
	}
	for i := range s.Crawlers {
		if s.Crawlers[i].GUID == l.GUID {
			s.Crawlers[i].Leased++
		}
	}
	if d.Session != nil {
		k := d.Session.Key
		s.Sessions[k] = plan.Session{
			Key: k, GUID: l.GUID, Offering: l.Offering, Address: l.Address, Leases: s.Sessions[k].Leases + 1,
		}
	}
	return true, nil
}

// hasFree reports whether the tenant has a slot that its plan lets it use.
func hasFree(s plan.State) bool {
	free, leased := 0, 0
	for _, c := range s.Crawlers {
		free += c.Free()
		leased += c.Leased
	}
	return free > 0 && leased < s.Tenant.Plan.MaxSlots
}

// waiting reads the tenant's waiting tickets that want a slot, in the planner's order.
func (w *work) waiting(t fleet.TenantID) ([]ticketRow, error) {
	return list(w, waitingQuery, []any{t}, scanTicket)
}

const waitingQuery = `SELECT ` + ticketFields + ` FROM tickets WHERE tenant = ? AND state = 'waiting'
	AND dormant = 0 ORDER BY priority, since, ticket`

// grants lists the slots that were handed over and not yet picked up, to be told
// (again).
func (w *work) grants(t fleet.TenantID) ([]fleet.Grant, error) {
	return list(w, `SELECT tenant, ticket, workflow_id, epoch FROM leases
		WHERE tenant = ? AND granted = 1 ORDER BY taken_at, ticket`, []any{t},
		func(r scanner, g *fleet.Grant) error {
			return r.Scan(&g.Tenant, &g.Ticket, &g.WorkflowID, &g.Epoch)
		})
}
