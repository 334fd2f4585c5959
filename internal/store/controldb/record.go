package controldb

import (
	"context"
	"fmt"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Intend implements fleet.Control.
func (s *Store) Intend(ctx context.Context, i fleet.Intent) (out fleet.Intent, err error) {
	err = s.write(ctx, "intend", func(w *work) error {
		t, err := w.ticket(i.Tenant, i.Ticket)
		if err != nil {
			return err
		}
		out = i
		switch {
		case t.intent != "" && t.workflowID == i.WorkflowID:
			out = fleet.Intent{}
			return parse(t.intent, &out)
		case t.state == fleet.TicketEnded:
			r, err := t.final()
			if err != nil {
				return err
			}
			out.Outcome, out.Reason, out.Error = r.Outcome, r.Reason, r.Error
			return nil
		}
		if err := t.belongs(i.WorkflowID); err != nil {
			return err
		}
		doc, err := document(i)
		if err != nil {
			return err
		}
		_, err = w.Exec(`UPDATE tickets SET state = 'closing', intent = ?, wait_code = '', wait_message = '',
				wait_since = 0, wait_until = 0
			WHERE tenant = ? AND ticket = ?`, doc, i.Tenant, i.Ticket)
		return err
	})
	return out, err
}

// Record implements fleet.Control. It is refused with fenced when the ticket has picked up
// a newer lease than the request knows of and no intent to end it is written, and with
// conflict when it belongs to another workflow.
func (s *Store) Record(ctx context.Context, r fleet.RecordRequest) (a fleet.RecordAnswer, err error) {
	err = s.write(ctx, "record", func(w *work) error {
		t, err := w.ticket(r.Tenant, r.Ticket)
		if err != nil {
			return err
		}
		var result *fleet.TicketResult
		if t.state == fleet.TicketEnded {
			if result, err = t.final(); err == nil {
				a.Follow.Deliveries, err = w.pending(r.Tenant, r.Ticket)
			}
		} else {
			result, err = w.end(t, r, &a.Follow)
		}
		if err != nil {
			return err
		}
		a.Result = *result
		if a.Follow.Grants, err = w.grants(r.Tenant); err != nil {
			return err
		}
		a.Follow.Conductors, err = w.unbound(t)
		return err
	})
	if err != nil {
		return fleet.RecordAnswer{}, err
	}
	return a, nil
}

// unbound answers the tenant when tickets of the ended one's session wait and its
// crawler takes no more: once the last of them has left it, they may go elsewhere.
func (w *work) unbound(t *ticketRow) ([]fleet.TenantID, error) {
	if t.sessionKey == "" || t.guid == "" {
		return nil, nil
	}
	return list(w, `SELECT DISTINCT t.tenant FROM tickets t JOIN crawlers c ON c.guid = ?
		WHERE t.tenant = ? AND t.state = 'waiting' AND t.session_key = ? AND c.state <> 'serving'`,
		[]any{t.guid, t.tenant, t.sessionKey},
		func(r scanner, t *fleet.TenantID) error { return r.Scan(t) })
}

// end gives the slot back, writes the result and hands the slot on.
func (w *work) end(
	t *ticketRow, r fleet.RecordRequest, f *fleet.Follow,
) (*fleet.TicketResult, error) {
	i := fleet.Intent{Outcome: r.Outcome, Reason: r.Reason, Error: r.Error}
	if err := parse(t.intent, &i); err != nil {
		return nil, err
	}
	l, err := w.mayEnd(t, r, i)
	if err != nil {
		return nil, err
	}
	if l != nil {
		if err := w.release(*l); err != nil {
			return nil, err
		}
	}
	result, err := w.finish(t, i, r.Counters)
	if err != nil {
		return nil, err
	}
	tenant, err := w.tenant(t.tenant)
	if err != nil {
		return nil, err
	}
	if f.Deliveries, err = w.notify(tenant, t, fleet.NoticeOf(i.Outcome), "",
		fleet.MessageTicket{Result: result}); err != nil || l == nil {
		return result, err
	}
	f.Drains, err = w.passOn(tenant, l)
	return result, err
}

// mayEnd refuses an end that is not this ticket's, and answers its lease.
func (w *work) mayEnd(
	t *ticketRow, r fleet.RecordRequest, i fleet.Intent,
) (*fleet.LeaseRow, error) {
	if i.Outcome == "" {
		return nil, fleet.Invalid("outcome", "is missing", "how the ticket ended")
	}
	if r.WorkflowID != "" {
		if err := t.belongs(r.WorkflowID); err != nil {
			return nil, err
		}
	}
	l, err := w.lease(t.tenant, t.id)
	// One that was granted and not picked up is only given back: the crawl had ended when
	// its crawler was lost, and the word of that came later.
	if err == nil && l != nil && l.Epoch > r.Epoch && !l.Granted && t.intent == "" {
		return nil, fleet.Errorf(fleet.CodeFenced,
			fmt.Sprintf("ticket %s has a later lease (%d) than the one that ended (%d)", t.id, l.Epoch, r.Epoch))
	}
	return l, err
}

// finish writes the result of a ticket whose lease has been given back.
func (w *work) finish(t *ticketRow, i fleet.Intent, c fleet.Counters) (*fleet.TicketResult, error) {
	result := &fleet.TicketResult{
		Tenant: t.tenant, Ticket: t.id, Outcome: i.Outcome, Reason: i.Reason, Error: i.Error,
		Counters: c, Attempt: t.attempt, Times: t.times,
	}
	result.Times.Ended = w.now
	if err := w.service(result); err != nil {
		return nil, err
	}
	doc, err := document(result)
	if err != nil {
		return nil, err
	}
	if _, err := w.Exec(`UPDATE tickets SET state = 'ended', outcome = ?, result = ?, ended_at = ?,
			wait_code = '', wait_message = '', wait_since = 0, wait_until = 0
		WHERE tenant = ? AND ticket = ?`,
		i.Outcome, doc, store.Micros(w.now), t.tenant, t.id); err != nil {
		return nil, err
	}
	reason := fmt.Sprintf("it ends %s with %s", i.Outcome, plural(c.Fetched, "page"))
	if result.Bill != (fleet.Money{}) {
		reason += fmt.Sprintf(" and has cost %s so far", result.Bill)
	}
	if i.Reason != "" {
		reason += ": " + i.Reason
	}
	return result, w.decided(t.tenant, t.id, t.guid, fleet.DecidedEnd, reason)
}

// service adds to a result what the ledger knows: who served the ticket, in which
// order, and what it cost.
func (w *work) service(r *fleet.TicketResult) error {
	type line struct {
		guid    fleet.GUID
		address string
		kind    fleet.LedgerKind
		amount  fleet.Money
	}
	lines, err := list(w, `SELECT l.guid, c.address, l.kind, l.amount, l.currency
		FROM ledger l LEFT JOIN crawlers c ON c.guid = l.guid
		WHERE l.tenant = ? AND l.ticket = ? ORDER BY l.seq`, []any{r.Tenant, r.Ticket},
		func(s scanner, l *line) error {
			var address *string // of an erased tenant's crawler nothing is known
			err := s.Scan(&l.guid, &address, &l.kind, &l.amount.Micros, &l.amount.Currency)
			if address != nil {
				l.address = *address
			}
			return err
		})
	if err != nil {
		return err
	}
	for _, l := range lines {
		if r.Bill, err = r.Bill.Add(l.amount); err != nil {
			return err
		}
		if n := len(r.Crawlers); l.kind != fleet.LedgerSlot || n > 0 && r.Crawlers[n-1] == l.guid {
			continue
		}
		r.Crawlers = append(r.Crawlers, l.guid)
		if !slices.Contains(r.Addresses, l.address) && l.address != "" {
			r.Addresses = append(r.Addresses, l.address)
		}
	}
	r.Moves = max(len(r.Crawlers)-1, 0)
	return nil
}

// final is the stored result with the bill as it is now; nil while it has not ended.
func (t *ticketRow) final() (*fleet.TicketResult, error) {
	if t.result == "" {
		return nil, nil //nolint:nilnil // no result yet is no error
	}
	r := new(fleet.TicketResult)
	err := parse(t.result, r)
	r.Bill = t.bill
	return r, err
}
