package controldb

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// book adds a line to the ledger and to the bill of its ticket.
func (w *work) book(l fleet.LedgerLine) error {
	if _, err := w.Exec(`INSERT INTO ledger (at, tenant, ticket, guid, offering, kind, time, amount,
			currency)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		store.Micros(w.now), l.Tenant, l.Ticket, l.GUID, l.Offering, l.Kind,
		l.Time.Std().Microseconds(), l.Amount.Micros, l.Amount.Currency); err != nil {
		return err
	}
	if l.Ticket == "" {
		return nil
	}
	slot := int64(0)
	if l.Kind == fleet.LedgerSlot {
		slot = l.Amount.Micros
	}
	_, err := w.Exec(`UPDATE tickets SET bill = bill + ?, slot_cost = slot_cost + ?, currency = ?
		WHERE tenant = ? AND ticket = ?`, l.Amount.Micros, slot, l.Amount.Currency, l.Tenant, l.Ticket)
	return err
}

// Gone implements fleet.Control.
func (s *Store) Gone(ctx context.Context, g fleet.GUID, at time.Time) (f fleet.Follow, err error) {
	err = s.write(ctx, "gone", func(w *work) error {
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		if !c.booked {
			if err := w.gone(&c, at.UTC().Truncate(time.Microsecond)); err != nil {
				return err
			}
		}
		f.Conductors, err = w.hopeful(c)
		return err
	})
	return f, err
}

func (w *work) gone(c *crawlerRow, at time.Time) error {
	if _, err := w.evict(c, "the provider says that its crawler is gone"); err != nil {
		return err
	}
	if c.State != fleet.CrawlerGone {
		reason := c.Reason
		if reason == "" {
			reason = "the provider says so"
		}
		kind := fleet.DecidedBury
		if c.State == fleet.CrawlerRetired {
			kind = fleet.DecidedRetire
		}
		if err := w.setCrawler(c, fleet.CrawlerGone, kind, "gone: "+reason); err != nil {
			return err
		}
	}
	if _, err := w.Exec(`UPDATE crawlers SET gone_at = ?, booked = 1 WHERE guid = ?`,
		store.Micros(at), c.GUID); err != nil {
		return err
	}
	return w.settle(*c, at)
}

// servedTime is how long a ticket had slots of a crawler.
type servedTime struct {
	ticket fleet.TicketID
	time   int64 // microseconds
	amount int64
}

// settle books what the slots' time has not paid of a crawler's life: the cold start
// and the rest, by share of slot time. The lines of a crawler add up to what the
// provider bills for it, or to the slots' time where that was more.
func (w *work) settle(c crawlerRow, at time.Time) error {
	if c.Times.Launched.IsZero() { // never accepted by the provider
		return nil
	}
	life := max(at.Sub(c.Times.Launched), 0)
	total := c.price.For(c.grain.Billed(life))
	tickets, err := list(w, `SELECT ticket, sum(time), sum(amount) FROM ledger
		WHERE guid = ? AND kind = 'slot' GROUP BY ticket ORDER BY min(seq)`, []any{c.GUID},
		func(r scanner, t *servedTime) error { return r.Scan(&t.ticket, &t.time, &t.amount) })
	if err != nil {
		return err
	}
	paid, weights, time := int64(0), make([]int64, len(tickets)), int64(0)
	for i, t := range tickets {
		paid += t.amount
		time += t.time
		weights[i] = t.time
	}
	rest := fleet.Money{Micros: max(total.Micros-paid, 0), Currency: total.Currency}
	if time == 0 {
		return w.book(fleet.LedgerLine{
			Tenant: c.Tenant, GUID: c.GUID, Offering: c.Offering,
			Kind: fleet.LedgerUnused, Time: fleet.Duration(life), Amount: rest,
		})
	}
	cold := life
	if !c.Times.Serving.IsZero() {
		cold = min(max(c.Times.Serving.Sub(c.Times.Launched), 0), life)
	}
	start := fleet.Money{Micros: min(c.price.For(cold).Micros, rest.Micros), Currency: rest.Currency}
	idle := fleet.Money{Micros: rest.Micros - start.Micros, Currency: rest.Currency}
	if err := w.share(c, fleet.LedgerStart, start, cold, tickets, weights); err != nil {
		return err
	}
	return w.share(c, fleet.LedgerIdle, idle, life-cold, tickets, weights)
}

// share books an amount and the time that it stands for to tickets by weight.
func (w *work) share(
	c crawlerRow, kind fleet.LedgerKind, m fleet.Money, d time.Duration,
	tickets []servedTime, weights []int64,
) error {
	times := fleet.Money{Micros: d.Microseconds()}.Share(weights) // exact, too
	for i, part := range m.Share(weights) {
		if part.Micros == 0 {
			continue
		}
		if err := w.book(fleet.LedgerLine{
			Tenant: c.Tenant, Ticket: tickets[i].ticket, GUID: c.GUID, Offering: c.Offering, Kind: kind,
			Time: fleet.Duration(time.Duration(times[i].Micros) * time.Microsecond), Amount: part,
		}); err != nil {
			return err
		}
	}
	return nil
}

// hopeful lists the tenants for which room has been made when c is gone: its own,
// and those with tickets that wait for a place, an address or a launch.
func (w *work) hopeful(c crawlerRow) ([]fleet.TenantID, error) {
	return list(w, `SELECT DISTINCT tenant FROM tickets WHERE state = 'waiting'
		AND (tenant = ? OR wait_code IN ('capacity', 'unplaced', 'session')) ORDER BY tenant`,
		[]any{c.Tenant}, func(r scanner, t *fleet.TenantID) error { return r.Scan(t) })
}
