package tenantdb

import (
	"database/sql"
	"errors"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// maxWant bounds what one exchange hands out: a crawler's window is 64 fetches at most,
// and what it holds is fetched again when it is lost.
const maxWant = 1024

// allDepths is no restriction of depth.
const allDepths = 1 << 30

// take marks up to want queued URLs as in flight: of the hosts with the least in flight,
// each host's shallow ones first, in the order of their discovery. It never has more in
// flight than there are free places under the page limit, which is what makes the limit
// exact.
func (c *crawl) take(tx *store.Tx, want, perHost int, now time.Time) error {
	n := min(int64(want), maxWant, c.queued, c.maxPages-c.ends.Fetched-c.inflight)
	if n <= 0 || c.copying && c.levelled() {
		return nil
	}
	if err := c.settle(tx); err != nil {
		return err
	}
	depth, err := c.level(tx)
	if err != nil {
		return err
	}
	rooms, err := c.rooms(tx, depth, store.Micros(now), int64(perHost), n)
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if r.give == 0 {
			continue
		}
		taken, err := tx.Exec(`UPDATE frontier SET state = 'inflight', batch = ? WHERE id IN (
 SELECT id FROM frontier WHERE crawl = ? AND state = 'queued' AND host = ? AND depth <= ? AND not_before <= ?
 ORDER BY depth, not_before, id LIMIT ?)`, c.seq, c.id, r.id, depth, store.Micros(now), r.give)
		if err != nil {
			return err
		}
		c.queued, c.inflight = c.queued-taken, c.inflight+taken
		c.move(r.id, -taken, taken)
	}
	return nil
}

// levelled reports whether a level waits for the one above it.
func (c *crawl) levelled() bool { return c.maxDepth < fleet.DefaultMaxDepth }

// level is the depth down to which URLs may be handed out. Where the ticket asks for a
// depth limit of its own, a level is begun when the one above it has ended: only then is
// a URL's depth its distance from the seeds and not an accident of which page came
// first, and the limit exact. Under the default, which only cuts traps, nothing waits.
func (c *crawl) level(tx *store.Tx) (int, error) {
	if !c.levelled() {
		return allDepths, nil
	}
	level := allDepths
	for _, query := range []string{
		`SELECT min((SELECT f.depth FROM frontier f WHERE f.crawl = h.crawl AND f.state = 'queued'
  AND f.host = h.id ORDER BY f.depth LIMIT 1)) FROM hosts h WHERE h.crawl = ? AND h.queued > 0`,
		`SELECT min(depth) FROM frontier WHERE crawl = ? AND state = 'inflight'`,
	} {
		var depth sql.NullInt64
		if err := tx.One(query, []any{c.id}, &depth); err != nil {
			return 0, err
		}
		if depth.Valid {
			level = min(level, int(depth.Int64))
		}
	}
	return level, nil
}

// handed reads what the exchange c.seq of the current claim was given: after it, and
// again when it is repeated. None of it can have been reported, since a report has a
// later number.
func (c *crawl) handed(tx *store.Tx) (work []fleet.FrontierURL, err error) {
	if c.inflight == 0 {
		return nil, nil
	}
	rows, err := tx.Query(`SELECT f.id, f.url, f.depth, coalesce(p.url, ''), f.hops, f.attempts, f.list
 FROM frontier f LEFT JOIN frontier p ON p.id = f.parent
 WHERE f.crawl = ? AND f.state = 'inflight' AND f.batch = ?
 ORDER BY f.depth, f.not_before, f.id`, c.id, c.seq)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var u fleet.FrontierURL
		if err := rows.Scan(&u.ID, &u.URL, &u.Depth, &u.Via, &u.Hops, &u.Attempts, &u.List); err != nil {
			return nil, err
		}
		work = append(work, u)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return work, c.remember(tx, work)
}

// pause is how long nothing can be handed out because all that is left waits for a
// retry; zero where something is in flight or can be had at once.
func (c *crawl) pause(tx *store.Tx, now time.Time) (time.Duration, error) {
	if c.inflight > 0 || c.queued == 0 {
		return 0, nil
	}
	depth, err := c.level(tx)
	if err != nil {
		return 0, err
	}
	var first int64
	err = tx.One(`SELECT coalesce(min(not_before), 0) FROM frontier
 WHERE crawl = ? AND state = 'queued' AND depth <= ?`, []any{c.id, depth}, &first)
	if err != nil {
		return 0, err
	}
	return max(0, store.Moment(first).Sub(now)), nil
}
