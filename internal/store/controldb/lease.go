package controldb

import (
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

const leaseColumns = `SELECT tenant, ticket, guid, epoch, offering, address, warm, granted,
	workflow_id, run_id, taken_at, until_at FROM leases `

func scanLease(r scanner, l *fleet.LeaseRow) error {
	var taken, until int64
	err := r.Scan(&l.Tenant, &l.Ticket, &l.GUID, &l.Epoch, &l.Offering, &l.Address, &l.Warm, &l.Granted,
		&l.WorkflowID, &l.RunID, &taken, &until)
	l.Until = store.Moment(until)
	l.TakenAt = store.Moment(taken)
	return err
}

// lease reads a ticket's lease; nil where it holds none.
func (w *work) lease(t fleet.TenantID, id fleet.TicketID) (*fleet.LeaseRow, error) {
	rows, err := list(w, leaseColumns+`WHERE tenant = ? AND ticket = ?`, []any{t, id}, scanLease)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// nextEpoch is the epoch of a ticket's next lease: the one that its fence is raised
// to, else one that is later than all before.
func (t *ticketRow) nextEpoch(now time.Time) int64 {
	if t.wanted > t.epoch {
		return t.wanted
	}
	return max(t.epoch+1, now.UnixMicro())
}

// take leases a slot of a crawler to a ticket and binds its session. A grant is
// handed over: the ticket's workflow has yet to ask for it.
func (w *work) take(t *ticketRow, g fleet.GUID, granted bool, reason string) (fleet.Lease, error) {
	l := fleet.Lease{
		Tenant: t.tenant, Ticket: t.id, GUID: g, Epoch: t.nextEpoch(w.now), TakenAt: w.now,
	}
	var serving, slots int64
	var price fleet.Money
	err := w.One(`UPDATE crawlers SET leased = leased + 1, served = served + 1, idle_from = 0
		WHERE guid = ? AND state = 'serving' AND leased < slots RETURNING offering, address, serving_at, price, currency, slots`,
		[]any{g}, &l.Offering, &l.Address, &serving, &price.Micros, &price.Currency, &slots)
	if err != nil {
		return l, fmt.Errorf("lease a slot of %s: %w", g, err)
	}
	l.Warm = store.Moment(serving).Before(t.since)
	l.Until = t.affords(w.now, price, slots)
	if _, err := w.Exec(`INSERT INTO leases (tenant, ticket, guid, epoch, session_key, offering, address,
			warm, granted, workflow_id, run_id, taken_at, until_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.tenant, t.id, g, l.Epoch, t.sessionKey, l.Offering, l.Address, flag(l.Warm), flag(granted),
		t.workflowID, t.runID, store.Micros(w.now), store.Micros(l.Until)); err != nil {
		return l, err
	}
	if err := w.remember(t, l.Address); err != nil {
		return l, err
	}
	if t.sessionKey != "" {
		if _, err := w.Exec(`INSERT INTO sessions (tenant, key, guid, offering, address, bound_at)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, key) DO UPDATE SET guid = excluded.guid,
				offering = excluded.offering, address = excluded.address, bound_at = excluded.bound_at
			WHERE sessions.guid <> excluded.guid`,
			t.tenant, t.sessionKey, g, l.Offering, l.Address, store.Micros(w.now)); err != nil {
			return l, err
		}
	}
	if _, err := w.Exec(`UPDATE tickets SET state = 'running', dormant = 0, epoch = ?, guid = ?, avoid = '', never = 0,
			wait_code = '', wait_message = '', wait_since = 0, wait_until = 0,
			leased_at = CASE leased_at WHEN 0 THEN ? ELSE leased_at END
		WHERE tenant = ? AND ticket = ?`, l.Epoch, g, store.Micros(w.now), t.tenant, t.id); err != nil {
		return l, err
	}
	kind, what := fleet.DecidedRoute, "it runs on"
	switch moves := t.guid != "" && t.guid != g; {
	case granted && moves:
		kind, what = fleet.DecidedGrant, "it is its turn, and it moves to"
	case granted:
		kind, what = fleet.DecidedGrant, "it is its turn, and it gets a slot of"
	case moves:
		kind, what = fleet.DecidedMove, "it moves to"
	}
	t.state, t.epoch, t.guid = fleet.TicketRunning, l.Epoch, g
	return l, w.decided(t.tenant, t.id, g, kind,
		fmt.Sprintf("%s crawler %s at %s: %s", what, g.Short(), l.Offering, reason))
}

// release gives a slot back and books its time. Every lease ends here, whatever
// ends it.
func (w *work) release(l fleet.LeaseRow) error {
	var price fleet.Money
	var slots, gone int64
	err := w.One(`UPDATE crawlers SET leased = leased - 1,
			idle_from = CASE WHEN leased = 1 THEN ? ELSE idle_from END
		WHERE guid = ? RETURNING price, currency, slots, gone_at`,
		[]any{store.Micros(w.now), l.GUID}, &price.Micros, &price.Currency, &slots, &gone)
	if err != nil {
		return fmt.Errorf("release a slot of %s: %w", l.GUID, err)
	}
	if _, err := w.Exec(`DELETE FROM leases WHERE tenant = ? AND ticket = ?`,
		l.Tenant, l.Ticket); err != nil {
		return err
	}
	until := w.now
	if gone > 0 {
		until = store.Moment(gone) // it was overlooked: what is gone costs nothing
	}
	held := max(until.Sub(l.TakenAt), 0) // the clock may have been set back
	amount := price.For(held)
	amount.Micros /= max(slots, 1) // rounded down: what is left is the crawler's idle time
	return w.book(fleet.LedgerLine{
		Tenant: l.Tenant, Ticket: l.Ticket, GUID: l.GUID, Offering: l.Offering,
		Kind: fleet.LedgerSlot, Time: fleet.Duration(held), Amount: amount,
	})
}
