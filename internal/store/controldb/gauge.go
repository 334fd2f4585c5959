package controldb

import (
	"context"
	"database/sql"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Gauges implements fleet.Reader.
func (s *Store) Gauges(ctx context.Context) (g fleet.Gauges, err error) {
	err = s.read(ctx, "read gauges", func(w *work) error {
		g, err = w.gauges()
		return err
	})
	return g, err
}

func (w *work) gauges() (g fleet.Gauges, err error) {
	if g.Tenants, err = tally[fleet.TenantState](w,
		`SELECT state, count(*) FROM tenants GROUP BY state`); err != nil {
		return g, err
	}
	if g.Crawlers, err = tally[fleet.CrawlerState](w,
		`SELECT state, count(*) FROM crawlers WHERE state <> 'gone' GROUP BY state`); err != nil {
		return g, err
	}
	if g.Tickets, err = tally[fleet.TicketState](w,
		`SELECT state, count(*) FROM tickets WHERE state <> 'ended' GROUP BY state`); err != nil {
		return g, err
	}
	if g.Waiting, err = tally[fleet.WaitCode](w, `SELECT wait_code, count(*) FROM tickets
		WHERE state = 'waiting' GROUP BY wait_code`); err != nil {
		return g, err
	}
	if g.Deliveries, err = tally[fleet.DeliveryState](w, `SELECT state, count(*) FROM deliveries
		WHERE state = 'pending' GROUP BY state
		UNION ALL SELECT state, count(*) FROM deliveries
		WHERE state = 'set_aside' GROUP BY state`); err != nil {
		return g, err
	}
	if g.Leftovers, err = tally[fleet.ProviderKind](w,
		`SELECT provider, count(*) FROM leftovers GROUP BY provider`); err != nil {
		return g, err
	}
	var oldest int64
	now := store.Micros(w.now)
	for _, q := range []struct {
		query string
		args  []any
		to    any
	}{
		{`SELECT coalesce(min(wait_since), 0) FROM tickets WHERE state = 'waiting'
			AND wait_code IN ('capacity', 'slot', 'plan_slots', 'starting', 'conductor', 'unplaced',
				'cooldown')`, nil, &oldest},
		{`SELECT count(*) FROM leases`, nil, &g.Leases},
		{`SELECT coalesce(sum(slots), 0) FROM crawlers
			WHERE state <> 'gone' AND state = 'serving' AND proof = 0`, nil, &g.Slots},
		{`SELECT count(*) FROM cooldowns WHERE until > ?`, []any{now}, &g.Cooldowns},
		{`SELECT count(*) FROM tenants WHERE held_until > ?`, []any{now}, &g.Held},
		{`SELECT count(*) FROM egress WHERE (until > 0 OR slow = 1) AND until > ?`, []any{now}, &g.Banned},
		{`SELECT count(*) FROM comparisons WHERE error <> ''`, nil, &g.Unlisted},
	} {
		if err := w.One(q.query, q.args, q.to); err != nil {
			return g, err
		}
	}
	g.OldestWaiting = store.Moment(oldest)
	return g, nil
}

// tally counts rows by a text.
func tally[K ~string](w *work, query string) (map[K]int, error) {
	out := map[K]int{}
	return out, w.each(query, nil, func(r *sql.Rows) error {
		var k K
		var n int
		err := r.Scan(&k, &n)
		out[k] = n
		return err
	})
}
