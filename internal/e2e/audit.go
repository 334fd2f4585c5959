package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the audit reads the rows themselves, not what a reader makes of them

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Drain asks every crawler to end and waits until there is none, in the rows and in the
// process table.
func (f *Fleet) Drain(ctx context.Context) error {
	asked := map[fleet.GUID]bool{}
	return awaited(ctx, "no crawler left and the books closed", func() (bool, string) {
		live, err := f.Control.Crawlers(ctx, "")
		if err != nil {
			return false, err.Error()
		}
		for _, c := range live {
			if !asked[c.GUID] {
				ref := fleet.CrawlerRef{Tenant: c.Tenant, GUID: c.GUID}
				asked[c.GUID] = f.Client.DrainCrawler(ctx, ref, fleet.DrainRequest{
					Reason: "the fleet is closed", Grace: fleet.Duration(lookEvery),
				}) == nil
			}
		}
		running, err := f.Crawlers()
		if err != nil {
			return false, err.Error()
		}
		if len(live)+len(running) > 0 {
			return false, fmt.Sprintf("rows %+v, processes %+v", live, running)
		}
		return f.settled(ctx) // the books of a crawler with many tickets take a moment
	})
}

// settled reports whether every bill is final.
func (f *Fleet) settled(ctx context.Context) (bool, string) {
	bills, err := f.Control.Costs(ctx, time.Time{})
	if err != nil {
		return false, err.Error()
	}
	open := slices.ContainsFunc(bills, func(b fleet.Bill) bool { return !b.Final })
	return !open, fmt.Sprintf("bills %+v", bills)
}

// finding is a query whose every row is something wrong, told by its one column.
type finding struct{ what, query string }

// findings are about the control store of a fleet at rest.
func findings() []finding {
	return []finding{
		{"a lease is held", `SELECT tenant || ' ' || ticket || ' on ' || guid FROM leases`},
		{"a slot is counted as taken", `SELECT guid || ': ' || leased FROM crawlers WHERE leased <> 0`},
		{"a ticket has not ended", `SELECT tenant || ' ' || ticket || ': ' || state || ' ' || wait_code
			FROM tickets WHERE state <> 'ended'`},
		{"the books of a crawler are open", `SELECT guid || ': ' || state FROM crawlers
			WHERE booked = 0 AND launched_at > 0`},
		{"a bill is not the sum of its ledger lines", `SELECT t.tenant || ' ' || t.ticket || ': ' || t.bill || ' and '
			|| coalesce(sum(l.amount), 0) FROM tickets t LEFT JOIN ledger l ON l.tenant = t.tenant
			AND l.ticket = t.ticket GROUP BY t.seq HAVING t.bill <> coalesce(sum(l.amount), 0)`},
		{"money is on the ledger for no ticket", `SELECT l.tenant || ' ' || l.ticket FROM ledger l
			WHERE l.ticket <> '' AND EXISTS (SELECT 1 FROM tenants n WHERE n.tenant = l.tenant)
			AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.tenant = l.tenant AND t.ticket = l.ticket)`},
		{"a session has two crawlers", `SELECT tenant || ' ' || session_key FROM leases WHERE session_key <> ''
			GROUP BY tenant, session_key HAVING count(DISTINCT guid) > 1`},
	}
}

// dataFindings are about a tenant's database of a fleet at rest.
func dataFindings() []finding {
	return []finding{
		{"the counters of a crawl do not add up", `SELECT ticket FROM crawls
			WHERE discovered <> queued + inflight + fetched + redirected + failed + skipped`},
		{"the counters of a crawl are not those of its rows", `SELECT c.ticket FROM crawls c
			WHERE discovered <> (SELECT count(*) FROM frontier f WHERE f.crawl = c.id)
			OR fetched <> (SELECT count(*) FROM pages p WHERE p.crawl = c.id AND p.outcome = 'fetched')`},
		{"a crawl is still open", `SELECT ticket FROM crawls WHERE state <> 'closed'`},
		{"a page is stored under two rows", `SELECT c.ticket || ' ' || hex(f.key) FROM frontier f
			JOIN crawls c ON c.id = f.crawl GROUP BY f.crawl, f.key HAVING count(*) > 1`},
	}
}

// audit reads the rows of a fleet at rest. Each thing that is wrong is part of the error.
func (f *Fleet) audit(ctx context.Context) error {
	if f.o.Store != "" {
		return errors.Join(f.billed(ctx), f.counted(ctx))
	}
	err := inspect(ctx, filepath.Join(f.DataDir(), "control.db"), findings())
	databases, globbed := filepath.Glob(filepath.Join(f.DataDir(), "tenants", "*", "data.db"))
	err = errors.Join(err, globbed)
	for _, path := range databases {
		err = errors.Join(err, inspect(ctx, path, dataFindings()))
	}
	return errors.Join(err, f.counted(ctx))
}

// billed asks the readers what findings ask the rows of a file.
func (f *Fleet) billed(ctx context.Context) error {
	leases, err := f.Control.Leases(ctx, 0)
	for _, l := range leases {
		err = errors.Join(err, fmt.Errorf("audit: a lease is held: %+v", l))
	}
	const all = 100_000 // more than any test submits
	rows, readErr := f.Control.Tickets(ctx, fleet.TicketFilter{Limit: all})
	err = errors.Join(err, readErr)
	for _, row := range rows {
		b, readErr := f.Control.Bill(ctx, row.Input.Tenant, row.Input.ID)
		err = errors.Join(err, readErr)
		if row.Result == nil || !b.Final || b.Total != row.Result.Bill {
			err = errors.Join(err, fmt.Errorf("audit: ticket %s has not ended, or its bill is not %+v: %+v",
				row.Input.ID, b, row.Result))
		}
	}
	return err
}

// counted compares the counters of every ticket's result with those of its crawl, which
// are in two databases.
func (f *Fleet) counted(ctx context.Context) error {
	const all = 100_000 // more than any test submits
	rows, err := f.Control.Tickets(ctx, fleet.TicketFilter{State: fleet.TicketEnded, Limit: all})
	for _, row := range rows {
		in := row.Input
		counters, _, readErr := f.Data.Progress(ctx, in.Tenant, in.ID)
		switch {
		case fleet.CodeOf(readErr) == fleet.CodeNotFound: // it was never claimed
		case readErr != nil:
			err = errors.Join(err, readErr)
		case counters != row.Result.Counters:
			err = errors.Join(err, fmt.Errorf("audit: the counters of %s %s are %+v, its crawl's %+v",
				in.Tenant, in.ID, row.Result.Counters, counters))
		}
	}
	return err
}

func inspect(ctx context.Context, path string, all []finding) error {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return fmt.Errorf("audit %s: %w", path, err)
	}
	for _, one := range all {
		err = errors.Join(err, found(ctx, db, path, one))
	}
	return errors.Join(err, db.Close())
}

func found(ctx context.Context, db *sql.DB, path string, f finding) error {
	rows, err := db.QueryContext(ctx, f.query)
	if err != nil {
		return fmt.Errorf("audit %s (%s): %w", path, f.what, err)
	}
	var told error
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			told = errors.Join(told, err)
			continue
		}
		told = errors.Join(told, fmt.Errorf("audit: %s: %s", f.what, row))
	}
	return errors.Join(told, rows.Err(), rows.Close())
}
