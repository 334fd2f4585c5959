package controldb

import (
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
