package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// ticketRow is a ticket without its specification.
type ticketRow struct {
	tenant            fleet.TenantID
	id                fleet.TicketID
	hash              string
	state             fleet.TicketState
	workflowID, runID string
	attempt, priority int
	sessionKey        fleet.SessionKey
	onLoss            fleet.LossPolicy
	place             string
	hosts             string // JSON, "" for none
	since, seen       time.Time
	start             time.Time
	dormant           bool // it waits and wants no slot
	wait              fleet.Wait
	epoch, wanted     int64
	fenced            int64
	reopen            bool
	guid, avoid       fleet.GUID
	never             bool
	outcome           fleet.Outcome
	intent, result    string
	bill              fleet.Money
	slotCost          int64        // of this attempt, in the bill's currency
	maxCost           *fleet.Money // nil for no limit
	webhook           string
	times             fleet.TicketTimes
	deadline          time.Time
}

const ticketFields = `tenant, ticket, hash, state, workflow_id, run_id, attempt, priority, session_key,
	on_loss, place, since, seen_at, start_at, dormant, wait_code, wait_message, wait_since, wait_until,
	epoch, epoch_wanted, fenced, reopen, guid, avoid, never, outcome, intent, result, bill, slot_cost,
	currency, max_cost, cost_currency, accepted_at, leased_at, ended_at, deadline, webhook, hosts`

func (t *ticketRow) scan(r scanner, more ...any) error {
	var max fleet.Money
	var start, since, seen, waitSince, waitUntil, accepted, leased, ended, deadline int64
	err := r.Scan(append([]any{
		&t.tenant, &t.id, &t.hash, &t.state, &t.workflowID, &t.runID, &t.attempt, &t.priority,
		&t.sessionKey, &t.onLoss, &t.place, &since, &seen, &start, &t.dormant, &t.wait.Code, &t.wait.Message, &waitSince,
		&waitUntil, &t.epoch, &t.wanted, &t.fenced, &t.reopen, &t.guid, &t.avoid, &t.never, &t.outcome,
		&t.intent, &t.result, &t.bill.Micros, &t.slotCost, &t.bill.Currency, &max.Micros, &max.Currency,
		&accepted, &leased, &ended, &deadline, &t.webhook, &t.hosts,
	}, more...)...)
	if max.Currency != "" {
		t.maxCost = &max
	}
	t.start = store.Moment(start)
	t.since, t.seen = store.Moment(since), store.Moment(seen)
	t.wait.Since, t.wait.Until = store.Moment(waitSince), store.Moment(waitUntil)
	t.times = fleet.TicketTimes{Accepted: store.Moment(accepted), Leased: store.Moment(leased), Ended: store.Moment(ended)}
	t.deadline = store.Moment(deadline)
	return err
}

func scanTicket(r scanner, t *ticketRow) error { return t.scan(r) }

// find reads a ticket; nil where there is none.
func (w *work) find(t fleet.TenantID, id fleet.TicketID) (*ticketRow, error) {
	rows, err := list(w, `SELECT `+ticketFields+` FROM tickets WHERE tenant = ? AND ticket = ?`,
		[]any{t, id}, scanTicket)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// ticket reads a ticket; not_found on field "id" where there is none.
func (w *work) ticket(t fleet.TenantID, id fleet.TicketID) (*ticketRow, error) {
	row, err := w.find(t, id)
	if err == nil && row == nil {
		return nil, notFound("id", fmt.Sprintf("ticket %q of tenant %q", id, t))
	}
	return row, err
}

// belongs refuses another workflow than the one that an open ticket has.
func (t *ticketRow) belongs(workflowID string) error {
	if workflowID == t.workflowID {
		return nil
	}
	return &fleet.Error{
		Code: fleet.CodeConflict, Field: "id",
		Message: fmt.Sprintf("ticket %q is open and belongs to workflow %q", t.id, t.workflowID),
		Want:    "another id, or the end of that workflow",
	}
}

// accept writes a ticket that has come for the first time.
func (w *work) accept(t tenantRow, r fleet.RouteRequest) (*ticketRow, error) {
	in := r.Input
	deadline, err := in.Deadline.Resolve(w.now)
	if err != nil {
		return nil, fleet.Invalid("deadline", err.Error(), `a duration such as "10m" or an RFC 3339 instant`)
	}
	start, err := in.StartAt.Resolve(w.now)
	if err != nil {
		return nil, fleet.Invalid("startAt", err.Error(), `a duration such as "10m" or an RFC 3339 instant`)
	}
	row := &ticketRow{
		tenant: in.Tenant, id: in.ID, hash: in.Hash(), state: fleet.TicketWaiting,
		workflowID: r.WorkflowID, runID: r.RunID, attempt: max(in.Attempt, 1), priority: in.Priority,
		since: later(w.now, start), seen: w.now, start: start, deadline: deadline,
		maxCost: in.MaxCost, webhook: in.Webhook, times: fleet.TicketTimes{Accepted: w.now},
	}
	if in.Session != nil {
		row.sessionKey, row.onLoss = in.Session.Key, in.Session.OnLoss
	}
	if !in.Place.Anywhere() {
		if row.place, err = document(in.Place); err != nil {
			return nil, err
		}
	}
	if row.hosts, err = document(fewHosts(in)); err != nil {
		return nil, err
	}
	spec, err := document(effective(in, t.Plan))
	if err != nil {
		return nil, err
	}
	var most fleet.Money
	if in.MaxCost != nil {
		most = *in.MaxCost
	}
	now := store.Micros(w.now)
	_, err = w.Exec(`INSERT INTO tickets (tenant, ticket, hash, state, workflow_id, run_id, attempt,
			priority, session_key, on_loss, place, since, seen_at, start_at, max_cost, cost_currency,
			accepted_at, deadline, webhook, hosts, hosts_given, pages_given, spec)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		row.tenant, row.id, row.hash, row.state, row.workflowID, row.runID, row.attempt, row.priority,
		row.sessionKey, row.onLoss, row.place, store.Micros(row.since), now, store.Micros(start),
		most.Micros, most.Currency, now, store.Micros(deadline), row.webhook, row.hosts,
		flag(len(in.Scope.Hosts) > 0), in.Scope.MaxPages, spec)
	return row, err
}

// later is the later of two moments: a ticket's age in the queue begins with its startAt.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// effective is the input with the two defaults that do not come from itself alone:
// the hosts of the seeds and the plan's limit of pages.
func effective(in fleet.TicketInput, p fleet.Plan) fleet.TicketInput {
	in.Scope.Hosts = in.ScopeHosts()
	if in.Scope.MaxPages == 0 || in.Scope.MaxPages > p.MaxPages {
		in.Scope.MaxPages = p.MaxPages
	}
	return in
}

// demand is what the planner needs to know of the ticket.
func (t *ticketRow) demand() (d plan.Demand, err error) {
	d = plan.Demand{
		Ticket: t.id, Priority: t.priority, Since: t.since, Avoid: t.avoid, Never: t.never,
	}
	if t.sessionKey != "" {
		d.Session = &fleet.Session{Key: t.sessionKey, OnLoss: t.onLoss}
	}
	if d.Hosts, err = t.hostList(); err != nil {
		return d, err
	}
	return d, parse(t.place, &d.Place)
}

// hold writes that a ticket waits and for what. A record is written only when the
// code has changed: a ticket that asks every minute says nothing new.
func (w *work) hold(t *ticketRow, why fleet.Wait) error {
	changed := t.wait.Code != why.Code || t.state != fleet.TicketWaiting
	why.Since = t.wait.Since
	if changed || why.Since.IsZero() {
		why.Since = w.now
	}
	if !changed && t.wait.Message == why.Message && t.wait.Until.Equal(why.Until) {
		return nil
	}
	t.wait, t.state = why, fleet.TicketWaiting
	t.dormant = why.Code == fleet.WaitPaused || why.Code == fleet.WaitScheduled
	if _, err := w.Exec(`UPDATE tickets SET state = 'waiting', dormant = ?, wait_code = ?,
			wait_message = ?, wait_since = ?, wait_until = ? WHERE tenant = ? AND ticket = ?`,
		flag(t.dormant), why.Code, why.Message, store.Micros(why.Since), store.Micros(why.Until),
		t.tenant, t.id); err != nil {
		return err
	}
	if !changed {
		return nil
	}
	if why.Code == fleet.WaitPaused {
		return w.decided(t.tenant, t.id, "", fleet.DecidedPause, "it is "+why.Message)
	}
	return w.decided(t.tenant, t.id, "", fleet.DecidedWait, "it waits: "+why.Message)
}

// ifWaiting answers the tenant when tickets of it wait.
func (w *work) ifWaiting(t fleet.TenantID) ([]fleet.TenantID, error) {
	var n int
	err := w.One(`SELECT count(*) FROM (
		SELECT 1 FROM tickets WHERE tenant = ? AND state = 'waiting' AND dormant = 0 LIMIT 1) AS found`,
		[]any{t}, &n)
	if err != nil || n == 0 {
		return nil, err
	}
	return []fleet.TenantID{t}, nil
}

// Told implements fleet.Control.
func (s *Store) Told(ctx context.Context, t fleet.TenantID, seq int64) error {
	return s.write(ctx, "told", func(w *work) error {
		_, err := w.Exec(`UPDATE tenants SET told_seq = ? WHERE tenant = ? AND decide_seq = ?`, seq, t, seq)
		return err
	})
}
