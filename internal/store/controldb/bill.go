package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Bill implements fleet.Reader. A ticket that was erased with its tenant still has
// its lines.
func (s *Store) Bill(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID,
) (b fleet.Bill, err error) {
	b = fleet.Bill{Tenant: t, Ticket: id}
	err = s.read(ctx, "read bill", func(w *work) error {
		row, err := w.find(t, id)
		if err != nil {
			return err
		}
		if b.Lines, err = list(w, `SELECT seq, at, tenant, ticket, guid, offering, kind, time,
			amount, currency FROM ledger WHERE tenant = ? AND ticket = ? ORDER BY seq`, []any{t, id}, scanLine); err != nil {
			return err
		}
		if row == nil && len(b.Lines) == 0 {
			return notFound("id", fmt.Sprintf("ticket %q of tenant %q", id, t))
		}
		for _, l := range b.Lines {
			if b.Total, err = b.Total.Add(l.Amount); err != nil {
				return err
			}
		}
		var open int
		err = w.One(`SELECT count(*) FROM crawlers WHERE booked = 0 AND guid IN (
				SELECT guid FROM ledger WHERE tenant = ? AND ticket = ?)`, []any{t, id}, &open)
		b.Final = open == 0 && (row == nil || row.state == fleet.TicketEnded)
		return err
	})
	return b, err
}

func scanLine(r scanner, l *fleet.LedgerLine) error {
	var at, d int64
	err := r.Scan(&l.Seq, &at, &l.Tenant, &l.Ticket, &l.GUID, &l.Offering, &l.Kind, &d,
		&l.Amount.Micros, &l.Amount.Currency)
	l.At, l.Time = store.Moment(at), fleet.Duration(time.Duration(d)*time.Microsecond)
	return err
}

// Costs implements fleet.Reader: one bill per tenant and currency, without lines.
func (s *Store) Costs(ctx context.Context, since time.Time) (out []fleet.Bill, err error) {
	err = s.read(ctx, "sum ledger", func(w *work) error {
		out, err = list(w, `SELECT l.tenant, l.currency, sum(l.amount),
				(SELECT count(*) FROM crawlers c WHERE c.tenant = l.tenant AND c.booked = 0)
			FROM ledger l WHERE l.at >= ? GROUP BY l.tenant, l.currency ORDER BY l.tenant, l.currency`,
			[]any{store.Micros(since)}, func(r scanner, b *fleet.Bill) error {
				var open int
				err := r.Scan(&b.Tenant, &b.Total.Currency, &b.Total.Micros, &open)
				b.Final = open == 0
				return err
			})
		return err
	})
	return out, err
}
