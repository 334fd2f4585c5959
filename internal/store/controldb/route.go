package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Route implements fleet.Control. A ticket for which waiting is of no use is refused
// too (invalid on field "place", session_lost); where it was accepted before, its row
// stays open, for Intend and Record.
func (s *Store) Route(ctx context.Context, r fleet.RouteRequest) (a fleet.RouteAnswer, err error) {
	if err := r.Input.ID.Validate(); err != nil {
		return a, err
	}
	var refused *fleet.Error
	err = s.write(ctx, "route", func(w *work) error {
		m := routing{work: w, r: r}
		if err := m.run(); err != nil {
			return err
		}
		a, refused = m.answer, m.refused
		return nil
	})
	switch {
	case err != nil:
		return fleet.RouteAnswer{}, err
	case refused != nil:
		return fleet.RouteAnswer{}, refused
	}
	a.Version, a.Tenant, a.Ticket = answerVersion, r.Input.Tenant, r.Input.ID
	return a, nil
}

// routing is one Route.
type routing struct {
	*work
	r      fleet.RouteRequest
	tenant tenantRow
	t      *ticketRow
	fresh  bool // accepted by this call
	again  bool // given another attempt by it
	freed  bool // an old lease was given back by it

	answer  fleet.RouteAnswer
	refused *fleet.Error // after what was written is committed
}

func (m *routing) run() (err error) {
	if m.tenant, err = m.work.tenant(m.r.Input.Tenant); err != nil {
		return err
	}
	if m.t, err = m.find(m.r.Input.Tenant, m.r.Input.ID); err != nil {
		return err
	}
	if m.t == nil {
		err = m.accepted()
	} else {
		err = m.known()
	}
	if err != nil || m.answer.Kind != "" {
		return err
	}
	m.answer.Deadline = m.t.deadline
	if m.r.Pause != nil {
		return m.pause()
	}
	if err := m.resume(); err != nil {
		return err
	}
	if m.t.start.After(m.now) {
		return m.sleep()
	}
	return m.leaseOrWait()
}

func (m *routing) accepted() error {
	switch m.tenant.State {
	case fleet.TenantReady, fleet.TenantProvisioning, fleet.TenantSuspended:
	default:
		return fleet.Errorf(fleet.CodeTenantNotReady,
			fmt.Sprintf("tenant %s is %s", m.tenant.ID, m.tenant.State))
	}
	if err := m.r.Input.CheckPrivate(m.s.o.AllowPrivate); err != nil {
		return err
	}
	if err := m.r.Input.CheckPorts(m.s.o.AllowPrivate, m.s.o.AllowPorts); err != nil {
		return err
	}
	if err := m.r.Input.CheckRobots(m.s.o.IgnoreRobots); err != nil {
		return err
	}
	if err := m.affordable(m.r.Input.MaxCost); err != nil {
		return err
	}
	m.fresh = true
	var err error
	if m.t, err = m.accept(m.tenant, m.r); err != nil {
		return err
	}
	if m.r.Input.Fetch.Robots == fleet.RobotsIgnore {
		if err := m.audited(m.t.tenant, "", "robots ignore", "ticket "+string(m.t.id)); err != nil {
			return err
		}
	}
	return m.decided(m.t.tenant, m.t.id, "", fleet.DecidedAccept, fmt.Sprintf("it is accepted with %s at priority %d",
		plural(int64(len(m.r.Input.URLs)), "seed"), m.t.priority))
}

// known compares with the row of an id that was here before.
func (m *routing) known() error {
	t, r := m.t, m.r
	if t.hash != r.Input.Hash() {
		return m.conflict()
	}
	if t.state == fleet.TicketEnded {
		if r.Input.Attempt > t.attempt && !t.outcome.Good() {
			return m.reopen()
		}
		result, err := t.final()
		m.answer = fleet.RouteAnswer{Kind: fleet.RouteFinished, Result: result}
		return err
	}
	if err := t.belongs(r.WorkflowID); err != nil {
		return err
	}
	if t.state == fleet.TicketClosing && t.intent != "" {
		var i fleet.Intent
		m.answer = fleet.RouteAnswer{Kind: fleet.RouteWait, Deadline: t.deadline, Wait: &fleet.Wait{
			Code: fleet.WaitConductor, Since: t.seen, Until: m.now.Add(closingAgain),
		}}
		err := parse(t.intent, &i)
		m.answer.Wait.Message = fmt.Sprintf("it is being ended as %s", i.Outcome)
		return err
	}
	old := t.runID
	t.runID = r.RunID
	_, err := m.Exec(`UPDATE tickets SET run_id = ?, seen_at = ? WHERE tenant = ? AND ticket = ?`,
		r.RunID, store.Micros(m.now), t.tenant, t.id)
	if err == nil && old != r.RunID {
		err = m.decided(t.tenant, t.id, "", fleet.DecidedAccept, "another run of its workflow goes on with it ("+r.RunID+")")
	}
	return err
}

// closingAgain is when a ticket that is being ended is worth asking for again: its
// end is three steps of milliseconds.
const closingAgain = 5 * time.Second

func (m *routing) leaseOrWait() error {
	l, err := m.lease(m.t.tenant, m.t.id)
	if err != nil {
		return err
	}
	if l != nil && m.holds(l) {
		if m.r.Lost > 0 && m.r.Fenced < l.Epoch && m.t.fenced < l.Epoch {
			// Granted by the burial itself: the crawl that was lost is stopped first.
			m.answer.Kind, m.answer.Epoch = fleet.RouteFence, l.Epoch
			return nil
		}
		return m.pickUp(l)
	}
	if err := m.shun(l); err != nil {
		return err
	}
	fenced, err := m.fence()
	if err != nil || !fenced {
		return err
	}
	if l != nil {
		m.freed = true
		if err := m.release(*l); err != nil {
			return err
		}
	}
	return m.choose(l)
}

// holds reports whether a lease is the caller's already: a grant, or that of an
// earlier call whose answer got lost. Another run of the workflow does not have it:
// the crawl of the run before it may still be under way.
func (m *routing) holds(l *fleet.LeaseRow) bool {
	return l.Epoch > m.r.Lost && (l.Granted || l.RunID == m.r.RunID)
}

func (m *routing) pickUp(l *fleet.LeaseRow) error {
	if l.Granted {
		if _, err := m.Exec(`UPDATE leases SET granted = 0, workflow_id = ?, run_id = ?
			WHERE tenant = ? AND ticket = ?`, m.r.WorkflowID, m.r.RunID, l.Tenant, l.Ticket); err != nil {
			return err
		}
	}
	m.answer.Kind, m.answer.Lease = fleet.RouteLeased, &l.Lease
	return nil
}

// shun remembers the crawler that the ticket lost, until its next lease.
func (m *routing) shun(l *fleet.LeaseRow) error {
	t := m.t
	if m.r.Lost == 0 || m.r.Lost != t.epoch || t.guid == "" {
		return nil
	}
	t.avoid, t.never = t.guid, m.r.Why == fleet.CodeCrawlerLost || m.r.Why == fleet.CodeDraining
	_, err := m.Exec(`UPDATE tickets SET avoid = ?, never = ? WHERE tenant = ? AND ticket = ?`,
		t.avoid, flag(t.never), t.tenant, t.id)
	return err
}

// fence reports whether the ticket may be leased as far as its earlier leases are
// concerned. If not, the answer asks for its fence to be raised; the epoch is
// written first, so that a repeat asks for the same.
func (m *routing) fence() (bool, error) {
	t := m.t
	if t.epoch == 0 && !t.reopen {
		return true, nil
	}
	if t.wanted > t.epoch && max(m.r.Fenced, t.fenced) >= t.wanted {
		t.fenced, t.reopen = t.wanted, false
		_, err := m.Exec(`UPDATE tickets SET fenced = ?, reopen = 0 WHERE tenant = ? AND ticket = ?`,
			t.fenced, t.tenant, t.id)
		return true, err
	}
	if t.wanted <= t.epoch {
		t.wanted = max(t.epoch+1, m.now.UnixMicro())
		if _, err := m.Exec(`UPDATE tickets SET epoch_wanted = ? WHERE tenant = ? AND ticket = ?`,
			t.wanted, t.tenant, t.id); err != nil {
			return false, err
		}
	}
	m.answer.Kind, m.answer.Epoch, m.answer.Reopen = fleet.RouteFence, t.wanted, t.reopen
	return false, nil
}
