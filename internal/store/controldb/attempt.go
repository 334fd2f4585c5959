package controldb

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// reopen begins another attempt of a ticket that ended without success. Its place in
// the queue is a new one.
func (m *routing) reopen() error {
	t, in := m.t, m.r.Input
	m.again = true
	start, err := in.StartAt.Resolve(m.now)
	if err != nil {
		return fleet.Invalid("startAt", err.Error(), "a later instant")
	}
	deadline, err := in.Deadline.Resolve(m.now)
	if err != nil {
		return fleet.Invalid("deadline", err.Error(), "a later instant")
	}
	t.state, t.attempt, t.workflowID, t.runID = fleet.TicketWaiting, in.Attempt, m.r.WorkflowID, m.r.RunID
	t.wanted = max(t.epoch+1, t.wanted+1, m.now.UnixMicro())
	t.reopen, t.since, t.seen, t.deadline = true, later(m.now, start), m.now, deadline
	t.outcome, t.intent, t.result, t.avoid, t.never = "", "", "", "", false
	t.start, t.slotCost, t.wait = start, 0, fleet.Wait{}
	if _, err := m.Exec(`UPDATE tickets SET state = 'waiting', attempt = ?, workflow_id = ?, run_id = ?,
			epoch_wanted = ?, reopen = 1, since = ?, seen_at = ?, start_at = ?, deadline = ?, outcome = '',
			intent = '', result = '', avoid = '', never = 0, ended_at = 0, wait_code = '',
			wait_message = '', wait_since = 0, wait_until = 0, dormant = 0, slot_cost = 0, forgotten = 0
		WHERE tenant = ? AND ticket = ?`,
		t.attempt, t.workflowID, t.runID, t.wanted, store.Micros(t.since), store.Micros(m.now),
		store.Micros(start), store.Micros(deadline), t.tenant, t.id); err != nil {
		return err
	}
	return m.decided(t.tenant, t.id, "", fleet.DecidedAccept, fmt.Sprintf("it is tried again, attempt %d", t.attempt))
}
