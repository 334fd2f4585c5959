package controldb

import (
	"context"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// offered is a place as a provider offers it now.
type offered struct {
	fleet.Offering
	pins bool
}

// configured are the places that the store was opened with: they stand until the
// providers have been asked.
func (o Options) configured() []offered {
	out := make([]offered, len(o.Offerings))
	for i, at := range o.Offerings {
		out[i] = offered{at, slices.Contains(o.Pins, at.Provider)}
	}
	return out
}

// places are those that crawlers can be started at now. Who only reads has them from the
// rows that the running fleet writes.
func (w *work) places() ([]offered, error) {
	if !w.s.o.ReadOnly {
		return *w.s.offers.Load(), nil
	}
	rows, err := w.offers()
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	return w.s.o.configured(), nil
}

func (w *work) offers() ([]offered, error) {
	return list(w, `SELECT pins, doc FROM offerings ORDER BY offering`, nil, func(r scanner, o *offered) error {
		var doc string
		if err := r.Scan(&o.pins, &doc); err != nil {
			return err
		}
		return parse(doc, &o.Offering)
	})
}

// offering gives a place by its id, with the id alone where it is not offered any more.
func (w *work) offering(id fleet.OfferingID) (fleet.Offering, error) {
	all, err := w.places()
	for _, o := range all {
		if o.ID == id {
			return o.Offering, err
		}
	}
	return fleet.Offering{ID: id}, err
}

// Place gives a place as it is offered now, with the id alone where it is not.
func (s *Store) Place(id fleet.OfferingID) fleet.Offering {
	for _, o := range *s.offers.Load() {
		if o.ID == id {
			return o.Offering
		}
	}
	return fleet.Offering{ID: id}
}

// market gives the places to the planner, with nobody there.
func (w *work) market() ([]plan.Place, error) {
	all, err := w.places()
	out := make([]plan.Place, len(all))
	for i, o := range all {
		out[i] = plan.Place{Offering: o.Offering, Pins: o.pins}
	}
	return out, err
}

// Offered implements fleet.Control. The memory of this process and the rows are written
// together; of several processes each asks the same providers.
func (s *Store) Offered(ctx context.Context, all []fleet.Market) (changed bool, err error) {
	var next []offered
	err = s.write(ctx, "note what is offered", func(w *work) error {
		changed = false
		before, err := w.offers()
		if err != nil {
			return err
		}
		next = w.s.merged(all, before)
		for _, o := range before {
			if !slices.ContainsFunc(next, func(n offered) bool { return n.ID == o.ID }) {
				if _, err := w.Exec(`DELETE FROM offerings WHERE offering = ?`, o.ID); err != nil {
					return err
				}
				changed = true
			}
		}
		for _, o := range next {
			doc, err := document(o.Offering)
			if err != nil {
				return err
			}
			n, err := w.Exec(`INSERT INTO offerings (offering, provider, pins, doc) VALUES (?, ?, ?, ?)
				ON CONFLICT (offering) DO UPDATE SET provider = excluded.provider, pins = excluded.pins,
					doc = excluded.doc WHERE offerings.doc <> excluded.doc OR offerings.pins <> excluded.pins`,
				o.ID, o.Provider, flag(o.pins), doc)
			if err != nil {
				return err
			}
			changed = changed || n > 0
		}
		return nil
	})
	if err == nil {
		s.offers.Store(&next)
	}
	return changed, err
}

// merged is what is offered now: of a provider that is silent what it offered last, by
// the rows or, in a fleet that has just been made, by the configuration.
func (s *Store) merged(all []fleet.Market, before []offered) []offered {
	var out []offered
	for _, m := range all {
		if !m.Silent {
			for _, o := range m.Offerings {
				out = append(out, offered{o, m.Pins})
			}
			continue
		}
		last := len(out)
		for _, known := range [][]offered{before, s.o.configured()} {
			for _, o := range known {
				if o.Provider == m.Provider {
					out = append(out, o)
				}
			}
			if len(out) > last {
				break
			}
		}
	}
	return out
}
