package controldb

import (
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// notify makes the messages of an event: to the tenant's webhooks that want it and to
// the ticket's own. A message that is there is not made again.
func (w *work) notify(
	t tenantRow, row *ticketRow, n fleet.Notice, what string, data fleet.MessageTicket,
) ([]fleet.DeliveryRef, error) {
	to, err := recipients(t, row, n)
	if err != nil || len(to) == 0 {
		return nil, err
	}
	in, err := w.given(row)
	if err != nil {
		return nil, err
	}
	data.Tenant, data.Ticket, data.Labels = row.tenant, row.id, in.Labels
	message, err := document(fleet.Message{Type: n, Timestamp: w.now, Data: data})
	if err != nil {
		return nil, err
	}
	var out []fleet.DeliveryRef
	for _, url := range to {
		id := fleet.NewDeliveryID(row.tenant, row.id, row.attempt, n+fleet.Notice(what), url)
		made, err := w.Exec(`INSERT INTO deliveries (tenant, id, ticket, notice, url, state, created_at,
				moved_at, message) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)
			ON CONFLICT (tenant, id) DO NOTHING`,
			row.tenant, id, row.id, n, url, store.Micros(w.now), store.Micros(w.now), message)
		if err != nil {
			return nil, err
		}
		if made > 0 {
			out = append(out, fleet.DeliveryRef{Tenant: row.tenant, ID: id})
		}
	}
	return out, nil
}

// recipients lists the URLs that are told of a notice, each once.
func recipients(t tenantRow, row *ticketRow, n fleet.Notice) (out []string, err error) {
	var all []fleet.Webhook
	if err := parse(t.webhooks, &all); err != nil {
		return nil, err
	}
	for _, h := range all {
		if h.Wants(n) {
			out = append(out, h.URL)
		}
	}
	if row.webhook != "" && !slices.Contains(out, row.webhook) {
		out = append(out, row.webhook)
	}
	return out, nil
}

// needsAttention makes the messages about a wait that only a person can end, one for
// each reason in an attempt.
func (w *work) needsAttention(t tenantRow, row *ticketRow) ([]fleet.DeliveryRef, error) {
	if !row.wait.Code.Attention() {
		return nil, nil
	}
	why := row.wait
	return w.notify(t, row, fleet.NoticeAttention, "/"+string(why.Code), fleet.MessageTicket{Wait: &why})
}

// pending lists a ticket's messages whose Delivery workflow may not have been started.
func (w *work) pending(t fleet.TenantID, id fleet.TicketID) ([]fleet.DeliveryRef, error) {
	return list(w, `SELECT tenant, id FROM deliveries WHERE tenant = ? AND ticket = ?
		AND state = 'pending' ORDER BY seq`, []any{t, id}, scanRef)
}
