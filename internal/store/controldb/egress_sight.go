package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// Sighted implements fleet.Control.
func (s *Store) Sighted(ctx context.Context, all []fleet.EgressSight) error {
	return s.write(ctx, "note what hosts answer", func(w *work) error {
		there := map[fleet.TenantID]bool{}
		for _, x := range all {
			if _, asked := there[x.Tenant]; !asked {
				t, err := w.tenant(x.Tenant)
				if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound {
					return err
				}
				there[x.Tenant] = err == nil && t.State != fleet.TenantDeleting
			}
			if !there[x.Tenant] || x.Host == "" || x.Address == "" {
				continue
			}
			if err := w.sighted(x); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *work) sighted(x fleet.EgressSight) error {
	s, err := w.standing(x)
	if err != nil {
		return err
	}
	next, banned := s.Fold(x, w.s.o.Egress.Ban, w.now)
	var fastest int64
	if err := w.One(`SELECT coalesce(min(took), 0) FROM egress
		WHERE tenant = ? AND host = ? AND address <> ? AND took > 0`,
		[]any{x.Tenant, x.Host, x.Address}, &fastest); err != nil {
		return err
	}
	slow := plan.Slow(next.Took, time.Duration(fastest)*time.Microsecond)
	if _, err := w.Exec(`INSERT INTO egress (tenant, host, address, used_at, window_at, pages, refused,
			took, slow, strikes, until, why)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, host, address) DO UPDATE SET used_at = excluded.used_at,
			window_at = excluded.window_at, pages = excluded.pages, refused = excluded.refused,
			took = excluded.took, slow = excluded.slow, strikes = excluded.strikes,
			until = excluded.until, why = excluded.why`,
		x.Tenant, x.Host, x.Address, store.Micros(w.now), store.Micros(next.Window), next.Pages,
		next.Refused, next.Took.Microseconds(), flag(slow), next.Strikes, store.Micros(next.Until),
		next.Why); err != nil {
		return err
	}
	if !banned {
		return nil
	}
	return w.decided(x.Tenant, "", x.GUID, fleet.DecidedBan, fmt.Sprintf(
		"%s refuses the address %s (%s): it is not offered for that host for %s",
		x.Host, x.Address, next.Why, next.Until.Sub(w.now)))
}

// standing reads what is remembered; nothing where there is no row.
func (w *work) standing(x fleet.EgressSight) (s plan.Standing, err error) {
	var window, took, until int64
	err = w.One(`SELECT window_at, pages, refused, took, strikes, until, why FROM egress
		WHERE tenant = ? AND host = ? AND address = ?`, []any{x.Tenant, x.Host, x.Address},
		&window, &s.Pages, &s.Refused, &took, &s.Strikes, &until, &s.Why)
	if missing(err) {
		err = nil
	}
	s.Window, s.Until = store.Moment(window), store.Moment(until)
	s.Took = time.Duration(took) * time.Microsecond
	return s, err
}

// Egress implements fleet.Reader.
func (s *Store) Egress(
	ctx context.Context, t fleet.TenantID, limit int,
) (out []fleet.EgressRow, err error) {
	if limit <= 0 {
		limit = 100
	}
	err = s.read(ctx, "list addresses", func(w *work) error {
		now := store.Micros(w.now)
		out, err = list(w, `SELECT tenant, host, address, used_at, took, slow, until, strikes, why FROM egress
			WHERE tenant = ? ORDER BY CASE WHEN until > ? THEN until ELSE 0 END DESC, used_at DESC, host, address
			LIMIT ?`, []any{t, now, limit}, func(r scanner, e *fleet.EgressRow) error {
			var used, took, until int64
			err := r.Scan(&e.Tenant, &e.Host, &e.Address, &used, &took, &e.Slow, &until, &e.Bans, &e.Why)
			e.Used, e.Took = store.Moment(used), length(took)
			if until > now {
				e.Banned = store.Moment(until)
			}
			return err
		})
		return err
	})
	return out, err
}

// Observed implements fleet.Control. It only reads while all is well.
func (s *Store) Observed(ctx context.Context, g fleet.GUID, seen string) error {
	var wrong string
	err := s.read(ctx, "check an address", func(w *work) (err error) {
		_, wrong, err = w.moved(g, seen)
		return err
	})
	if err != nil || wrong == "" {
		return err
	}
	return s.write(ctx, "note another address", func(w *work) error {
		c, wrong, err := w.moved(g, seen)
		if err != nil || wrong == "" {
			return err
		}
		return w.estrange(&c, wrong)
	})
}

// estrange drains a crawler that comes from another address than is declared.
func (w *work) estrange(c *crawlerRow, wrong string) error {
	if err := w.drain(c, wrong, fleet.GraceDefault); err != nil {
		return err
	}
	return w.cool(*c, fleet.LaunchFailure{GUID: c.GUID, Class: fleet.ClassFatal, Reason: wrong})
}

// compared drains a serving crawler whose addresses do not agree.
func (w *work) compared(c *crawlerRow, own, seen string) error {
	if c.State != fleet.CrawlerServing || own == "" || seen == "" {
		return nil
	}
	o, err := w.offering(c.Offering)
	if err != nil {
		return err
	}
	if wrong := o.Mismatch(own, seen); wrong != "" {
		return w.estrange(c, wrong)
	}
	return nil
}

// moved says how the address that a serving crawler is seen from differs from what is
// declared and from its own; "" where it does not.
func (w *work) moved(g fleet.GUID, seen string) (c crawlerRow, wrong string, err error) {
	c, err = w.crawler(g)
	if err != nil {
		if fleet.CodeOf(err) == fleet.CodeNotFound {
			err = nil
		}
		return c, "", err
	}
	if c.State != fleet.CrawlerServing {
		return c, "", nil
	}
	o, err := w.offering(c.Offering)
	return c, o.Mismatch(c.Address, seen), err
}
