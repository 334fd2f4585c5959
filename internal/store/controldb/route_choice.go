package controldb

import (
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// choose leases the slot that the planner finds, or writes why there is none.
func (m *routing) choose(old *fleet.LeaseRow) error {
	d, err := m.t.demand()
	if err != nil {
		return err
	}
	if old != nil && d.Avoid != old.GUID {
		d.Prefer = old.GUID
	}
	c, err := m.consult(d)
	if err != nil {
		return err
	}
	switch {
	case c.Fail != nil:
		return m.refuse(c)
	case c.GUID == "":
		return m.waits(c.Wait)
	}
	l, err := m.take(m.t, c.GUID, false, c.Reason)
	if err != nil {
		return err
	}
	m.answer.Kind, m.answer.Lease = fleet.RouteLeased, &l
	if m.freed && old.GUID != l.GUID {
		return m.tell() // somebody else can have the old slot
	}
	return nil
}

// consult asks the planner: first with the tenant's own crawlers, which is all that
// a warm ticket needs, then with everything.
func (m *routing) consult(d plan.Demand) (plan.Choice, error) {
	for _, depth := range []depth{warm, full} {
		s, err := m.observeTenant(m.tenant, depth)
		if err == nil && d.Session != nil {
			err = m.session(&s, m.t.tenant, d.Session.Key)
		}
		if err == nil {
			err = m.acquaint(m.t.tenant, m.t.guid, &d, &s)
		}
		if err == nil && depth == full {
			err = m.One(`SELECT count(*) FROM tickets WHERE tenant = ? AND state = 'waiting'
				AND dormant = 0 AND ticket <> ?`, []any{m.t.tenant, m.t.id}, &s.Queue)
		}
		if err != nil {
			return plan.Choice{}, err
		}
		if c := plan.Route(s, d); c.GUID != "" || depth == full {
			return c, nil
		}
	}
	return plan.Choice{}, nil // not reached: the second depth answers
}

// refuse ends the call with the planner's error. A ticket that has only just come
// and fits nowhere was never accepted: its id stays free for a better one.
func (m *routing) refuse(c plan.Choice) error {
	if c.Fail.Code == fleet.CodeTenantNotReady || m.fresh && c.Wait.Code == fleet.WaitNoPlace {
		return c.Fail
	}
	m.refused = c.Fail
	why := c.Wait
	if why.Code == "" {
		why = fleet.Wait{Code: fleet.WaitSession, Message: c.Fail.Message}
	}
	return m.hold(m.t, why)
}

func (m *routing) waits(why fleet.Wait) error {
	if err := m.mayWait(); err != nil {
		return err
	}
	if err := m.hold(m.t, why); err != nil {
		return err
	}
	m.answer.Kind, m.answer.Wait = fleet.RouteWait, &m.t.wait
	var err error
	if m.answer.Deliveries, err = m.needsAttention(m.tenant, m.t); err != nil {
		return err
	}
	switch why.Code {
	case fleet.WaitSpend, fleet.WaitPaused, fleet.WaitScheduled, fleet.WaitSlot, fleet.WaitSlots, fleet.WaitTenant, fleet.WaitSuspended:
		// The conductor could do nothing: a slot comes free with a Record, which
		// grants it, and a tenant that gets ready tells.
		if !m.freed {
			return nil
		}
	}
	return m.tell()
}

// tell asks for the conductor to be signalled, once for each of its rounds.
func (m *routing) tell() error {
	if m.tenant.toldSeq == m.tenant.decideSeq {
		return nil
	}
	if m.answer.Kind == fleet.RouteLeased {
		waiting, err := m.ifWaiting(m.t.tenant)
		if err != nil || len(waiting) == 0 {
			return err
		}
	}
	m.answer.Tell, m.answer.Seq = true, m.tenant.decideSeq
	if m.answer.Kind != fleet.RouteWait {
		return nil
	}
	var coming int
	err := m.One(`SELECT count(*) FROM crawlers WHERE tenant = ? AND state <> 'gone'
		AND state IN ('reserved', 'starting', 'serving') AND proof = 0`, []any{m.t.tenant}, &coming)
	m.answer.Cold = coming == 0
	return err
}
