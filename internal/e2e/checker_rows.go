package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// rows is what Judge reads of the control store, from the file itself.
type rows struct {
	outcomes map[string][]string // of all tickets, by "tenant/ticket"
	burials  []burial
	tenants, crawlers,
	bills, lines int
}

// burial is a crawler that was given up.
type burial struct {
	guid   fleet.GUID
	at     time.Time
	reason string
}

func readRows(ctx context.Context, path string) (r rows, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r.outcomes = map[string][]string{}
	err = each(ctx, db, `SELECT tenant || '/' || ticket, outcome FROM tickets`, func(s *sql.Rows) error {
		var id, outcome string
		err := s.Scan(&id, &outcome)
		r.outcomes[id] = append(r.outcomes[id], outcome)
		return err
	})
	err = errors.Join(err, each(ctx, db, `SELECT guid, at, reason FROM decisions WHERE kind = 'bury'`,
		func(s *sql.Rows) error {
			var b burial
			var at int64
			err := s.Scan(&b.guid, &at, &b.reason)
			b.at = time.UnixMicro(at)
			r.burials = append(r.burials, b)
			return err
		}))
	return r, errors.Join(err, each(ctx, db, `SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM crawlers),
		(SELECT count(*) FROM tickets WHERE bill <> 0), (SELECT count(*) FROM ledger)`, func(s *sql.Rows) error {
		return s.Scan(&r.tenants, &r.crawlers, &r.bills, &r.lines)
	}))
}

func each(ctx context.Context, db *sql.DB, query string, row func(*sql.Rows) error) (err error) {
	all, err := db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("read the control store: %w", err)
	}
	defer func() { err = errors.Join(err, all.Close(), all.Err()) }()
	for all.Next() {
		if err := row(all); err != nil {
			return fmt.Errorf("read the control store: %w", err)
		}
	}
	return nil
}

// pages reads all pages that a ticket has stored; none where it was never claimed.
func (f *Fleet) pages(ctx context.Context, t fleet.TenantID, id fleet.TicketID) ([]fleet.PageRow, error) {
	var all []fleet.PageRow
	for after := int64(0); ; {
		const most = 1000
		some, err := f.Data.Pages(ctx, t, id, after, most)
		if fleet.CodeOf(err) == fleet.CodeNotFound {
			return nil, nil //nolint:nilnil // no claim, no pages
		}
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			return all, nil
		}
		all = append(all, some...)
		after = some[len(some)-1].Seq
	}
}
