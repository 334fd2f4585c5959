package controldb

import (
	"context"
	"errors"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// leftoversMost bounds what is written of one comparison: who has more has another
// problem than their names.
const leftoversMost = 1000

// Compared implements fleet.Control.
func (s *Store) Compared(ctx context.Context, c fleet.Comparison) error {
	return s.write(ctx, "note a comparison", func(w *work) error {
		if c.Error != "" {
			_, err := w.Exec(`INSERT INTO comparisons (provider, tried_at, error) VALUES (?, ?, ?)
				ON CONFLICT (provider) DO UPDATE SET tried_at = excluded.tried_at, error = excluded.error`,
				c.Provider, store.Micros(w.now), c.Error)
			return err
		}
		if _, err := w.Exec(`INSERT INTO comparisons (provider, tried_at, done_at, instances, error)
			VALUES (?, ?, ?, ?, '')
			ON CONFLICT (provider) DO UPDATE SET tried_at = excluded.tried_at, done_at = excluded.done_at,
				instances = excluded.instances, error = ''`,
			c.Provider, store.Micros(w.now), store.Micros(w.now), c.Instances); err != nil {
			return err
		}
		return w.leftovers(c)
	})
}

// leftovers replaces those of a provider. One that was there before keeps the moment when
// it was found.
func (w *work) leftovers(c fleet.Comparison) error {
	found := map[fleet.GUID]int64{}
	type seen struct {
		guid fleet.GUID
		at   int64
	}
	before, err := list(w, `SELECT guid, found_at FROM leftovers WHERE provider = ?`, []any{c.Provider},
		func(r scanner, x *seen) error { return r.Scan(&x.guid, &x.at) })
	if err != nil {
		return err
	}
	for _, b := range before {
		found[b.guid] = b.at
	}
	if len(before) > 0 {
		if _, err := w.Exec(`DELETE FROM leftovers WHERE provider = ?`, c.Provider); err != nil {
			return err
		}
	}
	for _, l := range c.Leftovers[:min(len(c.Leftovers), leftoversMost)] {
		at := store.Micros(w.now)
		if first, again := found[l.GUID]; again {
			at = first
		}
		price, grain, err := w.priceOf(l)
		if err != nil {
			return err
		}
		if _, err := w.Exec(`INSERT INTO leftovers (provider, guid, kind, tenant, offering, provider_id,
				address, created_at, found_at, price, currency, grain)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (provider, guid) DO NOTHING`,
			c.Provider, l.GUID, l.Kind, l.Tenant, l.Offering, l.ProviderID, l.Address, store.Micros(l.Created),
			at, price.Micros, price.Currency, grain); err != nil {
			return err
		}
	}
	return nil
}

// priceOf is what an hour costs: by the row, where there is one, else by its place.
func (w *work) priceOf(l fleet.Leftover) (fleet.Money, fleet.Grain, error) {
	c, err := w.crawler(l.GUID)
	if err == nil {
		return c.price, c.grain, nil
	}
	if e := (*fleet.Error)(nil); !errors.As(err, &e) {
		return fleet.Money{}, "", err
	}
	o, err := w.offering(l.Offering)
	return o.Price, o.Grain, err
}

// Comparisons implements fleet.Reader.
func (s *Store) Comparisons(ctx context.Context) (out []fleet.Comparison, err error) {
	err = s.read(ctx, "list comparisons", func(w *work) error {
		out, err = list(w, `SELECT provider, tried_at, done_at, instances, error FROM comparisons
			ORDER BY provider`, nil, func(r scanner, c *fleet.Comparison) error {
			var tried, done int64
			err := r.Scan(&c.Provider, &tried, &done, &c.Instances, &c.Error)
			c.Tried, c.Done = store.Moment(tried), store.Moment(done)
			return err
		})
		if err != nil {
			return err
		}
		for i := range out {
			if out[i].Leftovers, err = w.leftoversOf(out[i].Provider); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (w *work) leftoversOf(p fleet.ProviderKind) ([]fleet.Leftover, error) {
	return list(w, `SELECT provider, guid, kind, tenant, offering, provider_id, address, created_at,
			found_at, price, currency, grain FROM leftovers WHERE provider = ? ORDER BY created_at, guid`,
		[]any{p}, func(r scanner, l *fleet.Leftover) error {
			var created, found int64
			var price fleet.Money
			var grain fleet.Grain
			if err := r.Scan(&l.Provider, &l.GUID, &l.Kind, &l.Tenant, &l.Offering, &l.ProviderID, &l.Address,
				&created, &found, &price.Micros, &price.Currency, &grain); err != nil {
				return err
			}
			l.Created, l.Found = store.Moment(created), store.Moment(found)
			if price.Currency != "" && !l.Created.IsZero() {
				cost := price.For(grain.Billed(max(w.now.Sub(l.Created), 0)))
				l.Cost = &cost
			}
			return nil
		})
}
