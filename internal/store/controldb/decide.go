package controldb

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// Decide implements fleet.Control.
func (s *Store) Decide(ctx context.Context, t fleet.TenantID) (d fleet.Decision, err error) {
	err = s.write(ctx, "decide", func(w *work) error {
		tenant, err := w.tenant(t)
		if err != nil {
			return err
		}
		state, waiting, err := w.demand(tenant)
		if err != nil {
			return err
		}
		if err := w.keepFor(tenant, &state); err != nil {
			return err
		}
		p := plan.Decide(state)
		d = fleet.Decision{Version: answerVersion, Unmet: p.Unmet, Wake: p.Wake.Until, Reason: p.Reason}
		if err := w.apply(tenant, waiting, p, &d); err != nil {
			return err
		}
		// Whoever was told of the round that has just been decided is told again.
		_, err = w.Exec(`UPDATE tenants SET decide_seq = decide_seq + 1 WHERE tenant = ?`, t)
		return err
	})
	return d, err
}

// demand reads everything that a decision is made from, and the waiting tickets.
func (w *work) demand(t tenantRow) (plan.State, []ticketRow, error) {
	s, err := w.observeTenant(t, full)
	if err != nil {
		return s, nil, err
	}
	waiting, err := w.waiting(t.ID)
	if err != nil {
		return s, nil, err
	}
	for i := range waiting {
		d, err := w.demandOf(&waiting[i], &s)
		if err == nil && d.Session != nil {
			err = w.session(&s, t.ID, d.Session.Key)
		}
		if err != nil {
			return s, nil, err
		}
		s.Waiting = append(s.Waiting, d)
	}
	return s, waiting, nil
}

// apply writes what was planned and answers who has to be told.
func (w *work) apply(t tenantRow, waiting []ticketRow, p plan.Decisions, d *fleet.Decision) error {
	for _, g := range p.Drains {
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		reason, grace := "the plan allows no more than "+plural(int64(t.Plan.MaxCrawlers), "crawler"),
			fleet.GraceTickets
		if stop := plan.Stopped(t.Tenant); stop != nil {
			reason, grace = stop.Message, fleet.GraceDefault
		}
		if err := w.drain(&c, reason, grace); err != nil {
			return err
		}
	}
	for _, start := range p.Starts {
		if _, err := w.reserve(t.ID, start, t.Plan.SlotsPerCrawler, false); err != nil {
			return err
		}
	}
	var ask []fleet.Grant
	for i := range waiting {
		row := &waiting[i]
		var made []fleet.DeliveryRef
		var err error
		if g, granted := p.Grants[row.id]; granted {
			_, err = w.take(row, g, true, "a slot there is free")
		} else if fail := p.Fails[row.id]; fail != nil {
			err = w.hold(row, fleet.Wait{Code: failWait(fail), Message: fail.Error()})
			ask = append(ask, fleet.Grant{Tenant: t.ID, Ticket: row.id, WorkflowID: row.workflowID})
		} else {
			err = w.hold(row, p.Waits[row.id])
			if err == nil {
				made, err = w.needsAttention(t, row)
			}
		}
		if err != nil {
			return err
		}
		d.Follow.Deliveries = append(d.Follow.Deliveries, made...)
	}
	grants, err := w.grants(t.ID)
	if err != nil {
		return err
	}
	d.Follow.Grants = append(grants, ask...)
	if err := w.makeRoom(t, waiting); err != nil {
		return err
	}
	if d.Follow.Drains, err = w.drains(""); err != nil { // of others, too
		return err
	}
	d.Starts, err = w.reserved(t.ID)
	return err
}

// failWait is what the row of a ticket says that has yet to hear that it failed.
func failWait(e *fleet.Error) fleet.WaitCode {
	switch e.Code {
	case fleet.CodeSessionLost:
		return fleet.WaitSession
	case fleet.CodeTenantNotReady:
		return fleet.WaitTenant
	default:
		return fleet.WaitNoPlace
	}
}

// reserved lists the crawlers whose workflow has to be started (again).
func (w *work) reserved(t fleet.TenantID) ([]fleet.CrawlerInput, error) {
	// That it is not gone goes without saying, but chooses the index of those that live.
	rows, err := list(w, crawlerColumns+`WHERE tenant = ? AND state <> 'gone'
		AND state = 'reserved' AND proof = 0 ORDER BY seq`, []any{t}, scanCrawler)
	var out []fleet.CrawlerInput
	for _, c := range rows {
		out = append(out, c.input())
	}
	return out, err
}
