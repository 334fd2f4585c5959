package tenantdb

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// baseOf finds the crawl that a ticket repeats; 0 where there is none.
func (c *crawl) baseOf(tx *store.Tx, of string) (id int64, err error) {
	query, name := `SELECT id FROM crawls WHERE ticket = ? AND id <> ?`, of
	args := []any{name, c.id}
	if prefix, open := strings.CutSuffix(of, "*"); open {
		query = `SELECT id FROM crawls WHERE substr(ticket, 1, ?) = ? AND id <> ? AND state = 'closed'
 AND page_seq > 0 ORDER BY first_claim DESC, id DESC LIMIT 1`
		args = []any{len(prefix), prefix, c.id}
	}
	if err = tx.One(query, args, &id); errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// copyAtOnce bounds the URLs of its base that an exchange puts into a frontier: the other
// crawls of the tenant wait for the same writer.
const copyAtOnce = 2000

// repeat puts a part of what the base has fetched into the frontier, in the order of its
// keys, until all of it is there; the crawl does not end before. A page that has not changed
// is not sent, so that nobody can read its links: what they lead to has to be there already.
func (c *crawl) repeat(tx *store.Tx) error {
	if !c.copying {
		return nil
	}
	if c.copied == nil {
		c.copied = []byte{} // nothing is greater than NULL
	}
	last, n, err := c.part(tx)
	if err != nil {
		return err
	}
	if n > 0 {
		if err := c.copyTo(tx, last); err != nil {
			return err
		}
		c.copied = last
	}
	c.copying = n == copyAtOnce
	return nil
}

// part is the last key of the base that is copied next, and how many rows there are to it.
func (c *crawl) part(tx *store.Tx) (last []byte, n int64, err error) {
	// Of all its rows: those that are copied may be few of them, and far apart.
	rows, err := tx.Query(`SELECT key FROM frontier WHERE crawl = ? AND key > ? ORDER BY key LIMIT ?`,
		c.base, c.copied, copyAtOnce)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for ; rows.Next(); n++ {
		if err := rows.Scan(&last); err != nil {
			return nil, 0, err
		}
	}
	return last, n, rows.Err()
}

// copyTo copies the rows of the base up to a key.
func (c *crawl) copyTo(tx *store.Tx, last []byte) error {
	_, err := tx.Exec(`INSERT INTO hosts (crawl, host)
 SELECT ?, b.host FROM hosts b WHERE b.id IN (
  SELECT f.host FROM frontier f WHERE f.crawl = ? AND f.key > ? AND f.key <= ?)
 ON CONFLICT (crawl, host) DO NOTHING`, c.id, c.base, c.copied, last)
	if err != nil {
		return err
	}
	rows, err := tx.Query(`INSERT INTO frontier (crawl, host, key, url, depth, list)
 SELECT ?, h.id, f.key, f.url, f.depth, f.list FROM frontier f
 JOIN hosts b ON b.id = f.host JOIN hosts h ON h.crawl = ? AND h.host = b.host
 WHERE f.crawl = ? AND f.key > ? AND f.key <= ?
 AND f.state IN ('fetched', 'notModified') AND f.depth <= ?
 ORDER BY f.id
 ON CONFLICT (crawl, key) DO NOTHING RETURNING host`,
		c.id, c.id, c.base, c.copied, last, c.maxDepth)
	if err != nil {
		return err
	}
	found := map[int64]int64{}
	for rows.Next() {
		var host int64
		if err := rows.Scan(&host); err != nil {
			_ = rows.Close() // the first error counts
			return err
		}
		found[host]++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for host, n := range found {
		c.discovered, c.queued = c.discovered+n, c.queued+n
		c.move(host, n, 0)
		if _, err := tx.Exec(`UPDATE hosts SET found = found + ? WHERE id = ?`, n, host); err != nil {
			return err
		}
	}
	return nil
}

// remember gives the URLs that are handed out what they were in the base.
func (c *crawl) remember(tx *store.Tx, work []fleet.FrontierURL) error {
	if c.base == 0 || len(work) == 0 {
		return nil
	}
	rows, err := tx.Query(`SELECT f.id, p.sha256, p.etag, p.last_modified FROM frontier f
 JOIN frontier b ON b.crawl = ? AND b.key = f.key JOIN pages p ON p.frontier = b.id
 WHERE f.crawl = ? AND f.state = 'inflight' AND f.batch = ?
 AND p.outcome IN ('fetched', 'notModified')`, c.base, c.id, c.seq)
	if err != nil {
		return err
	}
	priors := map[int64]*fleet.Prior{}
	for rows.Next() {
		var id int64
		p := new(fleet.Prior)
		if err := rows.Scan(&id, &p.SHA256, &p.ETag, &p.LastModified); err != nil {
			_ = rows.Close() // the first error counts
			return err
		}
		priors[id] = p
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for i := range work {
		work[i].Prior = priors[work[i].ID]
	}
	return nil
}
