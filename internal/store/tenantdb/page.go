package tenantdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// concluded is what the frontier knows of a URL that has come to its end.
type concluded struct {
	depth, hops int
	outcome     fleet.PageOutcome
}

// conclude ends the URL of a page and counts it. A redirect that is one too many is a
// failure.
func (c *crawl) conclude(tx *store.Tx, i int, p fleet.PageResult) (row concluded, err error) {
	hops := int64(math.MaxInt64)
	if p.Outcome == fleet.PageRedirected {
		hops = maxHops
	}
	var host int64
	err = tx.One(`UPDATE frontier SET state = CASE WHEN hops >= ? THEN 'failed' ELSE ? END,
 reason = CASE WHEN hops >= ? THEN ? ELSE ? END
 WHERE id = ? AND crawl = ? AND state = 'inflight' RETURNING depth, hops, state, host`,
		[]any{hops, string(p.Outcome), hops, reasonLoop, p.Reason, p.ID, c.id},
		&row.depth, &row.hops, &row.outcome, &host)
	if errors.Is(err, sql.ErrNoRows) {
		return row, notHandedOut(i, p.ID)
	}
	if err != nil {
		return row, err
	}
	c.inflight--
	c.move(host, 0, -1)
	*c.ends.End(row.outcome)++
	if row.outcome == fleet.PageFetched {
		c.ends.Bytes += p.Bytes
	}
	return row, nil
}

// store writes the page's row with the next cursor.
func (c *crawl) store(
	tx *store.Tx, g fleet.GUID, p fleet.PageResult, fields, notes string,
) error {
	target := ""
	if p.Outcome == fleet.PageRedirected && len(p.Links) > 0 {
		target = p.Links[0].URL
	}
	c.pageSeq++
	_, err := tx.Exec(`INSERT INTO pages (frontier, crawl, seq, outcome, reason, status,
 content_type, title, fields, bytes, sha256, truncated, address, fetched_at, took, target, guid,
 notes, etag, last_modified, before)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, c.id, c.pageSeq, string(p.Outcome), p.Reason, p.Status, p.ContentType, p.Title,
		fields, p.Bytes, p.SHA256, flag(p.Truncated), p.Address, store.Micros(p.FetchedAt), int64(p.Took),
		target, string(g), notes, p.ETag, p.LastModified, p.Before)
	return err
}

// maxPage is the most rows that one call of Pages reads: they are held in memory.
const maxPage = 10_000

// maxPageBytes is about how many bytes of fields and notes one call of Pages reads, unless
// one page alone has more: ten thousand pages of 1 MiB would be no answer.
const maxPageBytes = 8 << 20

// defaultPage is what a limit of 0 stands for.
const defaultPage = 100

// Pages yields up to limit stored pages after a cursor, in commit order; a limit of 0 is
// 100, and 10,000 is the most. There are fewer where pages are large, so that only an empty
// answer is the end. A ticket that nobody has claimed has none, and neither have
// URLs that were left when their crawl was closed. A redirect has its target as its one
// link; other links are not kept with the page.
func (s *Store) Pages(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, after int64, limit int,
) (pages []fleet.PageRow, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	err = s.read(ctx, t, func(tx *store.Tx) error {
		pages, err = readPages(tx, id, after, min(limit, maxPage))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read pages of %s/%s: %w", t, id, err)
	}
	return pages, nil
}

func readPages(
	tx *store.Tx, id fleet.TicketID, after int64, limit int,
) (pages []fleet.PageRow, err error) {
	last, err := lastOf(tx, id, after, limit)
	if err != nil || last == 0 {
		return nil, err
	}
	rows, err := tx.Query(`SELECT p.seq, f.id, f.url, f.depth, coalesce(v.url, ''),
 p.outcome, p.reason, p.status, p.content_type, p.title, p.fields, p.bytes, p.sha256,
 p.truncated, p.address, p.fetched_at, p.took, p.target, p.guid,
 p.notes, p.etag, p.last_modified, p.before, c.base
 FROM crawls c JOIN pages p ON p.crawl = c.id JOIN frontier f ON f.id = p.frontier
 LEFT JOIN frontier v ON v.id = f.parent
 WHERE c.ticket = ? AND p.seq > ? AND p.seq <= ? ORDER BY p.seq`, string(id), after, last)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		p, err := scanPage(rows)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, rows.Err()
}

// lastOf is the last page of those after a cursor that are read at once, 0 where there is none.
func lastOf(tx *store.Tx, id fleet.TicketID, after int64, limit int) (last int64, err error) {
	rows, err := tx.Query(`SELECT p.seq, octet_length(p.fields) + octet_length(p.notes)
 FROM crawls c JOIN pages p ON p.crawl = c.id
 WHERE c.ticket = ? AND p.seq > ? ORDER BY p.seq LIMIT ?`, string(id), after, limit)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for total := int64(0); rows.Next(); {
		var seq, size int64
		if err := rows.Scan(&seq, &size); err != nil {
			return 0, err
		}
		if total += size; last > 0 && total > maxPageBytes {
			break
		}
		last = seq
	}
	return last, rows.Err()
}

func scanPage(rows *sql.Rows) (p fleet.PageRow, err error) {
	var fields, target, notes string
	var at, took, base int64
	err = rows.Scan(&p.Seq, &p.ID, &p.URL, &p.Depth, &p.Via, &p.Outcome, &p.Reason, &p.Status,
		&p.ContentType, &p.Title, &fields, &p.Bytes, &p.SHA256, &p.Truncated, &p.Address, &at,
		&took, &target, &p.GUID, &notes, &p.ETag, &p.LastModified, &p.Before, &base)
	if err != nil {
		return p, err
	}
	p.FetchedAt, p.Took = store.Moment(at), fleet.Duration(took)
	if target != "" {
		p.Links = []fleet.Link{{URL: target}}
	}
	if base > 0 {
		p.Change = p.ChangeOf()
	}
	if notes != "" {
		if err := json.Unmarshal([]byte(notes), &p.Notes); err != nil {
			return p, err
		}
	}
	if fields == "" {
		return p, nil
	}
	return p, json.Unmarshal([]byte(fields), &p.Fields)
}

// Progress answers the counters of a crawl and when it was first claimed; both are zero
// for a ticket that nobody has claimed.
func (s *Store) Progress(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID,
) (n fleet.Counters, first time.Time, err error) {
	err = s.read(ctx, t, func(tx *store.Tx) error {
		c, _, err := find(tx, id)
		n, first = c.counters(), store.Moment(c.firstClaim)
		return err
	})
	if err != nil {
		return fleet.Counters{}, time.Time{}, fmt.Errorf("read progress of %s/%s: %w", t, id, err)
	}
	return n, first, nil
}
