package controldb

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// crawlerRow is a crawler with what only the store needs.
type crawlerRow struct {
	fleet.CrawlerRow
	idleAfter time.Duration
	ticket    fleet.TicketID // that it was started for
	price     fleet.Money    // of an hour
	grain     fleet.Grain
	booked    bool
}

const crawlerColumns = `SELECT tenant, guid, state, reason, offering, provider, account, country, region,
	address, slots, leased, served, proof, pid, idle_after, ticket, price, currency, grain, booked,
	reserved_at, launched_at, main_at, dialed_at, serving_at, idle_from, retired_at, gone_at
	FROM crawlers `

func scanCrawler(r scanner, c *crawlerRow) error {
	var idle int64
	var at [8]int64
	err := r.Scan(&c.Tenant, &c.GUID, &c.State, &c.Reason, &c.Offering, &c.Provider, &c.Account,
		&c.Country, &c.Region, &c.Address, &c.Slots, &c.Leased, &c.Served, &c.Proof, &c.PID,
		&idle, &c.ticket, &c.price.Micros, &c.price.Currency, &c.grain, &c.booked,
		&at[0], &at[1], &at[2], &at[3], &at[4], &at[5], &at[6], &at[7])
	c.idleAfter = time.Duration(idle) * time.Microsecond
	c.Times = fleet.CrawlerTimes{
		Reserved: store.Moment(at[0]), Launched: store.Moment(at[1]), Main: store.Moment(at[2]), Dialed: store.Moment(at[3]),
		Serving: store.Moment(at[4]), IdleFrom: store.Moment(at[5]), Retired: store.Moment(at[6]), Gone: store.Moment(at[7]),
	}
	return err
}

func (c crawlerRow) input() fleet.CrawlerInput {
	return fleet.CrawlerInput{
		Tenant: c.Tenant, GUID: c.GUID, Offering: c.Offering, Provider: c.Provider, Account: c.Account,
		Slots: c.Slots, Address: c.Address, IdleAfter: fleet.Duration(c.idleAfter), Grain: c.grain, Proof: c.Proof,
	}
}

// crawler reads a crawler; not_found on field "guid" where there is none.
func (w *work) crawler(g fleet.GUID) (crawlerRow, error) {
	rows, err := list(w, crawlerColumns+`WHERE guid = ?`, []any{g}, scanCrawler)
	if err != nil {
		return crawlerRow{}, err
	}
	if len(rows) == 0 {
		return crawlerRow{}, notFound("guid", fmt.Sprintf("crawler %q", g))
	}
	return rows[0], nil
}

// reserve writes the row of a crawler to start and records why.
func (w *work) reserve(t fleet.TenantID, s plan.Start, slots int, proof bool) (crawlerRow, error) {
	tenant, err := w.tenant(t)
	if err != nil {
		return crawlerRow{}, err
	}
	o, err := w.offering(s.Offering)
	if err != nil {
		return crawlerRow{}, err
	}
	idle := cmp.Or(tenant.Plan.IdleAfter.Std(), o.IdleAfter.Std(), w.s.o.IdleAfter)
	guid := w.s.o.NewGUID()
	if _, err := w.Exec(`INSERT INTO crawlers (guid, tenant, state, offering, provider, account, country,
			region, address, slots, proof, idle_after, ticket, price, currency, grain, reserved_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		guid, t, fleet.CrawlerReserved, o.ID, o.Provider, o.Account, o.Country, o.Region, s.Address,
		slots, flag(proof), idle.Microseconds(), s.For, o.Price.Micros, o.Price.Currency, o.Grain,
		store.Micros(w.now)); err != nil {
		return crawlerRow{}, err
	}
	if err := w.decided(t, s.For, guid, fleet.DecidedStart, s.Reason); err != nil {
		return crawlerRow{}, err
	}
	return w.crawler(guid)
}

// setCrawler moves a crawler to a state and records why in its thread.
func (w *work) setCrawler(
	c *crawlerRow, state fleet.CrawlerState, kind fleet.DecisionKind, reason string,
) error {
	if _, err := w.Exec(`UPDATE crawlers SET state = ?, reason = ?,
			retired_at = CASE ? WHEN 'retired' THEN ? ELSE retired_at END,
			gone_at = CASE ? WHEN 'gone' THEN ? ELSE gone_at END
		WHERE guid = ?`,
		state, reason, state, store.Micros(w.now), state, store.Micros(w.now), c.GUID); err != nil {
		return err
	}
	text := told(c, state, kind, reason)
	c.State, c.Reason = state, reason
	return w.decided(c.Tenant, "", c.GUID, kind, text)
}

// told is a crawler's part of a ticket's story, before it changes its state.
func told(c *crawlerRow, to fleet.CrawlerState, kind fleet.DecisionKind, reason string) string {
	name := "crawler " + c.GUID.Short()
	switch kind {
	case fleet.DecidedDrain:
		return name + " takes no more tickets: " + reason
	case fleet.DecidedRetire:
		if to == fleet.CrawlerGone {
			return name + " is gone"
		}
		return name + " is stopped: " + reason
	case fleet.DecidedBury:
		return name + " is " + ended(c) + ": " + reason
	default:
		return reason
	}
}

// ended says how a crawler leaves that is buried: one that was to leave is not lost.
func ended(c *crawlerRow) string {
	if c.State == fleet.CrawlerDraining {
		return "stopped"
	}
	return "lost"
}

// Crawlers implements fleet.Control.
func (s *Store) Crawlers(ctx context.Context, t fleet.TenantID) ([]fleet.CrawlerRow, error) {
	return s.crawlers(ctx, `WHERE (? = '' OR tenant = ?) AND state <> 'gone' ORDER BY seq DESC`, t, t)
}

// AllCrawlers implements fleet.Reader.
func (s *Store) AllCrawlers(ctx context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	return s.crawlers(ctx, `WHERE (? = '' OR tenant = ?)
		AND (? = '' OR seq < (SELECT seq FROM crawlers WHERE guid = ?))
		ORDER BY seq DESC LIMIT ?`, f.Tenant, f.Tenant, f.Before, f.Before, limit)
}

func (s *Store) crawlers(ctx context.Context, where string, args ...any) (out []fleet.CrawlerRow, err error) {
	err = s.read(ctx, "list crawlers", func(w *work) error {
		rows, err := list(w, crawlerColumns+where, args, scanCrawler)
		for _, c := range rows {
			out = append(out, c.CrawlerRow)
		}
		return err
	})
	return out, err
}

// Crawler implements fleet.Reader.
func (s *Store) Crawler(ctx context.Context, g fleet.GUID) (out fleet.CrawlerRow, err error) {
	err = s.read(ctx, "read crawler", func(w *work) error {
		c, err := w.crawler(g)
		out = c.CrawlerRow
		return err
	})
	return out, err
}
