package controldb

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

const deliveryColumns = `SELECT tenant, id, ticket, notice, url, state, tries, last_error,
	created_at, tried_at, ended_at, message FROM deliveries `

func scanDelivery(r scanner, d *fleet.Delivery) error {
	var created, tried, ended int64
	var message string
	if err := r.Scan(&d.Tenant, &d.ID, &d.Ticket, &d.Notice, &d.URL, &d.State, &d.Tries,
		&d.LastError, &created, &tried, &ended, &message); err != nil {
		return err
	}
	d.CreatedAt, d.TriedAt, d.EndedAt = store.Moment(created), store.Moment(tried), store.Moment(ended)
	return parse(message, &d.Message)
}

func scanRef(r scanner, d *fleet.DeliveryRef) error { return r.Scan(&d.Tenant, &d.ID) }

// delivery reads a message; not_found on field "id" where there is none.
func (w *work) delivery(r fleet.DeliveryRef) (fleet.Delivery, error) {
	rows, err := list(w, deliveryColumns+`WHERE tenant = ? AND id = ?`, []any{r.Tenant, r.ID}, scanDelivery)
	if err != nil {
		return fleet.Delivery{}, err
	}
	if len(rows) == 0 {
		return fleet.Delivery{}, notFound("id", fmt.Sprintf("message %q of tenant %q", r.ID, r.Tenant))
	}
	return rows[0], nil
}

// Delivery implements fleet.Control.
func (s *Store) Delivery(ctx context.Context, r fleet.DeliveryRef) (out fleet.Delivery, err error) {
	err = s.read(ctx, "read delivery", func(w *work) error {
		out, err = w.delivery(r)
		return err
	})
	return out, err
}

// Deliveries implements fleet.Reader.
func (s *Store) Deliveries(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID,
) (out []fleet.Delivery, err error) {
	err = s.read(ctx, "list deliveries", func(w *work) error {
		if _, err := w.ticket(t, id); err != nil {
			return err
		}
		out, err = list(w, deliveryColumns+`WHERE tenant = ? AND ticket = ? ORDER BY seq DESC`,
			[]any{t, id}, scanDelivery)
		return err
	})
	return out, err
}

// Tried implements fleet.Control.
func (s *Store) Tried(ctx context.Context, try fleet.DeliveryTry) error {
	return s.write(ctx, "note a try", func(w *work) error {
		d, err := w.delivery(try.DeliveryRef)
		if err != nil || d.State == fleet.DeliveryDone {
			return err
		}
		if repeat, err := w.asideAlready(d, try); err != nil || repeat {
			return err
		}
		ended, tries := int64(0), d.Tries+1
		if try.State != fleet.DeliveryPending {
			ended = store.Micros(w.now)
		}
		if try.State == fleet.DeliverySetAside {
			tries-- // it is the end of the tries, not one of them
		}
		if _, err := w.Exec(`UPDATE deliveries SET state = ?, tries = ?, last_error = ?,
				tried_at = ?, moved_at = ?, ended_at = ? WHERE tenant = ? AND id = ?`,
			try.State, tries, try.Error, store.Micros(w.now), store.Micros(w.now), ended, d.Tenant, d.ID); err != nil {
			return err
		}
		reason := ""
		switch try.State {
		case fleet.DeliveryDone:
			reason = fmt.Sprintf("%s was told of %s, at try %d", receiver(d.URL), d.Notice, tries)
		case fleet.DeliverySetAside:
			reason = fmt.Sprintf("%s could not be told of %s in %d tries: %s; ticket redeliver tries again",
				receiver(d.URL), d.Notice, tries, try.Error)
		default:
			return nil // the tries in between are in the message's own row
		}
		return w.decided(d.Tenant, d.Ticket, "", fleet.DecidedDeliver, reason)
	})
}

// asideAlready reports whether a message was set aside before by the same workflow: a
// worker that dies after it does it again, perhaps after somebody had it redelivered.
func (w *work) asideAlready(d fleet.Delivery, try fleet.DeliveryTry) (bool, error) {
	switch {
	case try.State != fleet.DeliverySetAside:
		return false, nil
	case d.State == fleet.DeliverySetAside:
		return true, nil
	case try.Since.IsZero() || d.Tries > 0:
		return false, nil
	}
	later, err := list(w, `SELECT tenant, id FROM deliveries WHERE tenant = ? AND id = ? AND moved_at > ?`,
		[]any{d.Tenant, d.ID, store.Micros(try.Since)}, scanRef)
	return len(later) > 0, err
}

// receiver is the host of a webhook: the rest of its URL may be a secret.
func receiver(s string) string {
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		return u.Host
	}
	return "a webhook"
}

const undeliveredQuery = `SELECT tenant, id, moved_at FROM deliveries WHERE state = 'pending'
	AND moved_at <= ? AND moved_at >= ? AND (moved_at > ? OR (tenant, id) > (?, ?))
	ORDER BY moved_at, tenant, id LIMIT ?`

// Undelivered implements fleet.Control.
func (s *Store) Undelivered(
	ctx context.Context, age time.Duration, after fleet.Undelivered, limit int,
) (out []fleet.Undelivered, err error) {
	err = s.read(ctx, "list undelivered", func(w *work) error {
		from := store.Micros(after.MovedAt)
		out, err = list(w, undeliveredQuery,
			[]any{store.Micros(w.now.Add(-age)), from, from, after.Tenant, after.ID, limit},
			func(r scanner, u *fleet.Undelivered) error {
				var moved int64
				err := r.Scan(&u.Tenant, &u.ID, &moved)
				u.MovedAt = store.Moment(moved)
				return err
			})
		return err
	})
	return out, err
}

// Redeliver implements fleet.Control. The tries begin anew.
func (s *Store) Redeliver(
	ctx context.Context, r fleet.RedeliverRequest,
) (out []fleet.DeliveryRef, err error) {
	err = s.write(ctx, "redeliver", func(w *work) error {
		if _, err := w.ticket(r.Tenant, r.Ticket); err != nil {
			return err
		}
		where, args := `tenant = ? AND ticket = ? AND state = 'set_aside'`, []any{r.Tenant, r.Ticket}
		if r.ID != "" {
			where, args = `tenant = ? AND ticket = ? AND id = ?`, append(args, r.ID)
		}
		rows, err := list(w, deliveryColumns+`WHERE `+where+` ORDER BY seq`, args, scanDelivery)
		if err != nil {
			return err
		}
		if r.ID != "" && len(rows) == 0 {
			return notFound("id", fmt.Sprintf("message %q of ticket %q", r.ID, r.Ticket))
		}
		for _, d := range rows {
			out = append(out, d.DeliveryRef)
			if d.State == fleet.DeliveryPending {
				continue
			}
			if _, err := w.Exec(`UPDATE deliveries SET state = 'pending', tries = 0, ended_at = 0, moved_at = ?
				WHERE tenant = ? AND id = ?`, store.Micros(w.now), d.Tenant, d.ID); err != nil {
				return err
			}
			if err := w.audited(r.Tenant, r.By, "ticket redeliver", string(r.Ticket)+" "+string(d.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
