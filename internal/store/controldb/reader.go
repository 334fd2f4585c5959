package controldb

import (
	"context"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// defaultLimit is the length of a list without a limit: what a person reads.
const defaultLimit = 100

// entry is a ticket with its specification, as readers want it.
type entry struct {
	ticketRow
	spec  string
	hosts bool  // given
	pages int64 // given
	lease *fleet.Lease
}

const entryQuery = `SELECT ` + ticketFields + `, spec, hosts_given, pages_given,
		l_guid, l_epoch, l_offering, l_address, l_warm, l_taken, l_until
	FROM (SELECT t.*, l.guid AS l_guid, l.epoch AS l_epoch, l.offering AS l_offering,
			l.address AS l_address, l.warm AS l_warm, l.taken_at AS l_taken, l.until_at AS l_until
		FROM tickets t LEFT JOIN leases l ON l.tenant = t.tenant AND l.ticket = t.ticket) AS e `

func scanEntry(r scanner, e *entry) error {
	var guid, offering, address *string
	var epoch, taken, until *int64
	var warm *bool
	if err := e.scan(r, &e.spec, &e.hosts, &e.pages, &guid, &epoch, &offering, &address, &warm, &taken, &until); err != nil {
		return err
	}
	if guid != nil {
		e.lease = &fleet.Lease{
			Tenant: e.tenant, Ticket: e.id, GUID: fleet.GUID(*guid), Epoch: *epoch, Warm: *warm,
			Offering: fleet.OfferingID(*offering), Address: *address, TakenAt: store.Moment(*taken),
			Until: store.Moment(*until),
		}
	}
	return nil
}

func (e entry) row() (fleet.TicketRow, error) {
	out := fleet.TicketRow{
		Hash: e.hash, State: e.state, WorkflowID: e.workflowID, RunID: e.runID, Lease: e.lease,
		Times: e.times, Deadline: e.deadline,
	}
	var err error
	if out.Input, err = asGiven(e.spec, e.hosts, e.pages); err != nil {
		return out, err
	}
	out.Input.Attempt = e.attempt // of the last try, not of the first
	if e.state == fleet.TicketWaiting && e.wait.Code != "" {
		out.Wait = &e.wait
	}
	if e.intent != "" {
		out.Intent = new(fleet.Intent)
		if err := parse(e.intent, out.Intent); err != nil {
			return out, err
		}
	}
	out.Result, err = e.final()
	return out, err
}

func (w *work) entries(where string, args ...any) (out []fleet.TicketRow, err error) {
	rows, err := list(w, entryQuery+where, args, scanEntry)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		row, err := e.row()
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// Ticket implements fleet.Reader.
func (s *Store) Ticket(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID,
) (out fleet.TicketRow, err error) {
	err = s.read(ctx, "read ticket", func(w *work) error {
		if _, err := w.ticket(t, id); err != nil {
			return err
		}
		rows, err := w.entries(`WHERE tenant = ? AND ticket = ?`, t, id)
		if err == nil {
			out = rows[0]
		}
		return err
	})
	return out, err
}

// Tickets implements fleet.Reader.
func (s *Store) Tickets(ctx context.Context, f fleet.TicketFilter) (out []fleet.TicketRow, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.read(ctx, "list tickets", func(w *work) error {
		// Labels are in the document: pages are read until enough of them fit.
		for skip := 0; ; skip += limit {
			page, err := w.entries(`WHERE (? = '' OR tenant = ?) AND (? = '' OR state = ?)
				AND (? = '' OR seq < (SELECT seq FROM tickets WHERE tenant = ? AND ticket = ?))
				ORDER BY seq DESC LIMIT ? OFFSET ?`, f.Tenant, f.Tenant, f.State, f.State,
				f.Before, f.Tenant, f.Before, limit, skip)
			if err != nil {
				return err
			}
			for _, row := range page {
				if labelled(row, f.Label) && len(out) < limit {
					out = append(out, row)
				}
			}
			if len(page) < limit || len(out) >= limit {
				return nil
			}
		}
	})
	return out, err
}

func labelled(row fleet.TicketRow, labels map[string]string) bool {
	for k, v := range labels {
		if row.Input.Labels[k] != v {
			return false
		}
	}
	return true
}

// OpenTickets implements fleet.Control.
func (s *Store) OpenTickets(ctx context.Context, t fleet.TenantID) (out []fleet.TicketRow, err error) {
	err = s.read(ctx, "list open tickets", func(w *work) error {
		out, err = w.entries(`WHERE tenant = ? AND state <> 'ended' ORDER BY seq`, t)
		return err
	})
	return out, err
}

// Leases implements fleet.Control.
func (s *Store) Leases(ctx context.Context, age time.Duration) (out []fleet.LeaseRow, err error) {
	err = s.read(ctx, "list leases", func(w *work) error {
		out, err = list(w, leaseColumns+`WHERE taken_at <= ? ORDER BY taken_at, tenant, ticket`,
			[]any{store.Micros(w.now.Add(-age))}, scanLease)
		return err
	})
	return out, err
}

// Unfinished implements fleet.Control.
func (s *Store) Unfinished(ctx context.Context, age time.Duration) (out []fleet.TicketRow, err error) {
	err = s.read(ctx, "list unfinished tickets", func(w *work) error {
		out, err = w.entries(`WHERE state <> 'ended' AND (state = 'closing' OR seen_at <= ?)
			ORDER BY since, tenant, ticket`, store.Micros(w.now.Add(-age)))
		return err
	})
	return out, err
}

// Overlooked implements fleet.Control.
func (s *Store) Overlooked(ctx context.Context, age time.Duration) (out []fleet.TenantID, err error) {
	err = s.read(ctx, "list overlooked tenants", func(w *work) error {
		due := store.Micros(w.now.Add(-age))
		out, err = list(w, `SELECT tenant FROM tickets WHERE state = 'waiting'
				AND (wait_code = 'conductor' AND wait_since <= ? OR wait_until > 0 AND wait_until <= ?)
			UNION SELECT tenant FROM crawlers WHERE state <> 'gone' AND state = 'reserved' AND proof = 0
				AND reserved_at <= ?
			UNION SELECT tenant FROM crawlers WHERE state <> 'gone' AND state = 'draining' AND drain_heard = 0
			ORDER BY tenant`,
			[]any{due, due, due}, func(r scanner, t *fleet.TenantID) error { return r.Scan(t) })
		return err
	})
	return out, err
}

// Offerings implements fleet.Reader.
func (s *Store) Offerings(ctx context.Context) (out []fleet.OfferingStatus, err error) {
	err = s.read(ctx, "list offerings", func(w *work) error {
		cooldowns, err := w.cooldowns()
		if err != nil {
			return err
		}
		running := map[fleet.OfferingID]int{}
		type use struct {
			id fleet.OfferingID
			n  int
		}
		uses, err := list(w, `SELECT offering, count(*) FROM crawlers
			WHERE state <> 'gone' GROUP BY offering`, nil, func(r scanner, u *use) error { return r.Scan(&u.id, &u.n) })
		for _, u := range uses {
			running[u.id] = u.n
		}
		if err != nil {
			return err
		}
		places, err := w.places()
		for _, o := range places {
			st := fleet.OfferingStatus{Offering: o.Offering, Running: running[o.ID]}
			st.Cooldown = coolest(cooldowns, o.Offering)
			out = append(out, st)
		}
		return err
	})
	return out, err
}

// coolest is the cool-down of an offering that ends last; nil without one.
func coolest(all []fleet.Cooldown, o fleet.Offering) *fleet.Cooldown {
	var out *fleet.Cooldown
	for _, c := range slices.Clone(all) {
		if c.Scope.Covers(o) && (out == nil || c.Until.After(out.Until)) {
			out = &c
		}
	}
	return out
}
