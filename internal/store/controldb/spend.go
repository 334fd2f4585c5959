package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// month is the first moment of a calendar month (UTC).
func month(now time.Time) time.Time {
	y, m, _ := now.UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// statusOf is a tenant's status with what this month has cost by the ledger.
func (w *work) statusOf(t tenantRow) (fleet.TenantStatus, error) {
	out, err := t.status()
	if err == nil {
		out.Spent, err = w.spent(t)
	}
	return out, err
}

// spent sums this month's ledger in the currency of the spend cap; without a cap in
// the one that most was spent in.
func (w *work) spent(t tenantRow) (fleet.Money, error) {
	sums, err := list(w, `SELECT currency, sum(amount) FROM ledger WHERE tenant = ? AND at >= ?
		GROUP BY currency ORDER BY sum(amount) DESC, currency`,
		[]any{t.ID, store.Micros(month(w.now))},
		func(r scanner, m *fleet.Money) error { return r.Scan(&m.Currency, &m.Micros) })
	if err != nil || len(sums) == 0 {
		return fleet.Money{}, err
	}
	if t.Plan.MaxSpend == nil {
		return sums[0], nil
	}
	for _, s := range sums {
		if s.Currency == t.Plan.MaxSpend.Currency {
			return s, nil
		}
	}
	return fleet.Money{}, nil
}

// HoldSpend implements fleet.Control.
func (s *Store) HoldSpend(ctx context.Context) (f fleet.Follow, err error) {
	err = s.write(ctx, "hold spend caps", func(w *work) error {
		f = fleet.Follow{}
		// Those that are held are looked at again when their cap is gone or their month over.
		tenants, err := list(w, tenantColumns+`WHERE p.spend_currency <> '' OR t.held_until > 0
			ORDER BY t.tenant`, nil, scanTenant)
		if err != nil {
			return err
		}
		for _, t := range tenants {
			more, err := w.holdSpend(&t)
			if err != nil {
				return err
			}
			f.Conductors = append(f.Conductors, more.Conductors...)
			f.Drains = append(f.Drains, more.Drains...)
			f.Deliveries = append(f.Deliveries, more.Deliveries...)
		}
		return nil
	})
	return f, err
}

// holdSpend holds a tenant that has reached its cap, and lets one go that has not.
func (w *work) holdSpend(t *tenantRow) (f fleet.Follow, err error) {
	cost, err := w.monthCost(*t)
	if err != nil {
		return f, err
	}
	limit := t.Plan.MaxSpend
	switch over := limit != nil && cost.Micros >= limit.Micros; {
	case over && t.Held != nil && t.Held.Until.Equal(nextMonth(w.now)):
		f.Drains, err = w.drainAll(t.ID, t.Held.Message, fleet.GraceDefault)
	case over:
		return w.heldUp(t, cost)
	case t.Held != nil:
		t.Held = nil
		if _, err := w.Exec(`UPDATE tenants SET held_message = '', held_since = 0, held_until = 0
			WHERE tenant = ?`, t.ID); err != nil {
			return f, err
		}
		f.Conductors, err = w.ifWaiting(t.ID)
	}
	return f, err
}

func (w *work) heldUp(t *tenantRow, cost fleet.Money) (f fleet.Follow, err error) {
	t.Held = &fleet.Wait{
		Code: fleet.WaitSpend, Since: w.now, Until: nextMonth(w.now),
		Message: fmt.Sprintf("tenant %s has cost %s this month and its plan allows %s (plan.maxSpend); "+
			"it goes on with a larger one, or on %s", t.ID, cost, t.Plan.MaxSpend,
			nextMonth(w.now).Format("2 January")),
	}
	if _, err := w.Exec(`UPDATE tenants SET held_message = ?, held_since = ?, held_until = ?
		WHERE tenant = ?`, t.Held.Message, store.Micros(t.Held.Since), store.Micros(t.Held.Until), t.ID); err != nil {
		return f, err
	}
	if t.State != fleet.TenantReady {
		return f, nil
	}
	if err := w.halt(t.ID, *t.Held); err != nil {
		return f, err
	}
	waiting, err := w.waiting(t.ID)
	if err != nil {
		return f, err
	}
	for i := range waiting {
		made, err := w.needsAttention(*t, &waiting[i])
		if err != nil {
			return f, err
		}
		f.Deliveries = append(f.Deliveries, made...)
	}
	f.Drains, err = w.drainAll(t.ID, t.Held.Message, fleet.GraceDefault)
	return f, err
}

// monthCost is what this month has cost in the currency of the tenant's cap: its ledger,
// and what its crawlers have cost so far without being booked.
func (w *work) monthCost(t tenantRow) (fleet.Money, error) {
	if t.Plan.MaxSpend == nil {
		return fleet.Money{}, nil
	}
	out, err := w.spent(t)
	if err != nil {
		return out, err
	}
	out.Currency = t.Plan.MaxSpend.Currency
	open, err := list(w, crawlerColumns+`WHERE tenant = ? AND booked = 0 AND launched_at > 0
		AND currency = ? ORDER BY seq`, []any{t.ID, out.Currency}, scanCrawler)
	if err != nil {
		return out, err
	}
	for _, c := range open {
		from := c.Times.Launched
		if first := month(w.now); from.Before(first) {
			from = first
		}
		var booked int64
		if err := w.One(`SELECT coalesce(sum(amount), 0) FROM ledger WHERE guid = ? AND at >= ?`,
			[]any{c.GUID, store.Micros(from)}, &booked); err != nil {
			return out, err
		}
		cost := c.price.For(c.grain.Billed(max(w.now.Sub(from), 0)))
		out.Micros += max(cost.Micros-booked, 0)
	}
	return out, nil
}

func nextMonth(now time.Time) time.Time { return month(now).AddDate(0, 1, 0) }
