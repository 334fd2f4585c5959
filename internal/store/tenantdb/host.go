package tenantdb

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/store"
)

// maxHostsAtOnce bounds the hosts that one exchange hands out URLs of: each costs a
// statement or two, and an exchange is soon followed by the next.
const maxHostsAtOnce = 128

// hostOf is the host of a canonical URL, with its port where it has one; "" for what is
// no URL with a host.
func hostOf(canonical string) string {
	_, rest, ok := strings.Cut(canonical, "://")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// shift is by how much a host's open URLs have changed in this transaction.
type shift struct{ queued, inflight int64 }

// move counts a change of a host's URLs; settle writes it.
func (c *crawl) move(host, queued, inflight int64) {
	if c.moved == nil {
		c.moved = map[int64]shift{}
	}
	m := c.moved[host]
	c.moved[host] = shift{m.queued + queued, m.inflight + inflight}
}

// settle writes the changes of the hosts, which the choice of what to hand out is made by.
func (c *crawl) settle(tx *store.Tx) error {
	for id, m := range c.moved {
		if m == (shift{}) {
			continue
		}
		_, err := tx.Exec(`UPDATE hosts SET queued = queued + ?, inflight = inflight + ? WHERE id = ?`,
			m.queued, m.inflight, id)
		if err != nil {
			return err
		}
	}
	clear(c.moved)
	return nil
}

// host gives the row of a host, made when there is none.
func (c *crawl) host(tx *store.Tx, name string) (id int64, err error) {
	if id, ok := c.hosts[name]; ok {
		return id, nil
	}
	err = tx.One(`SELECT id FROM hosts WHERE crawl = ? AND host = ?`, []any{c.id, name}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.One(`INSERT INTO hosts (crawl, host) VALUES (?, ?) RETURNING id`,
			[]any{c.id, name}, &id)
	}
	if err != nil {
		return 0, err
	}
	if c.hosts == nil {
		c.hosts = map[string]int64{}
	}
	c.hosts[name] = id
	return id, nil
}

// room is a host that URLs can be handed out of, and how many.
type room struct {
	id, queued, inflight int64
	give                 int64
}

// rooms are the hosts that have something to hand out, those with the least in flight
// first. perHost is the most that one may have in flight, 0 for no limit.
func (c *crawl) rooms(tx *store.Tx, depth int, now, perHost, n int64) (list []room, err error) {
	if perHost <= 0 {
		perHost = maxWant
	}
	rows, err := tx.Query(`SELECT h.id, h.queued, h.inflight FROM hosts h
 WHERE h.crawl = ? AND h.queued > 0 AND h.inflight < ? AND EXISTS (SELECT 1 FROM frontier f
  WHERE f.crawl = h.crawl AND f.state = 'queued' AND f.host = h.id AND f.depth <= ? AND f.not_before <= ?)
 ORDER BY h.inflight, h.id LIMIT ?`, c.id, perHost, depth, now, min(n, maxHostsAtOnce))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r room
		if err := rows.Scan(&r.id, &r.queued, &r.inflight); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	share(list, n, perHost)
	return list, rows.Err()
}

// share divides n among the hosts so that in the end all have about as much in flight,
// as far as they have URLs and may have them.
func share(list []room, n, perHost int64) {
	for n > 0 {
		// The lowest level, and how far it can be raised at once.
		level, next, at := perHost, perHost, []int(nil)
		for i, r := range list {
			switch have := r.inflight + r.give; {
			case r.give >= r.queued || have >= perHost:
			case have < level:
				level, next, at = have, level, append(at[:0], i)
			case have == level:
				at = append(at, i)
			default:
				next = min(next, have)
			}
		}
		if len(at) == 0 {
			return
		}
		step := max(1, min(next-level, n/int64(len(at))))
		for _, i := range at {
			more := min(step, n, list[i].queued-list[i].give)
			list[i].give += more
			n -= more
		}
	}
}
