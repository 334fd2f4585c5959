package tenantdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

const (
	// A turn lasts for some requests, so that handing it on costs little of it, and for
	// some exchanges, so that who is alone never runs out of it.
	leastTurn, turnRequests = 4 * time.Second, 3
	// turnSlack is what asking for a turn takes of it: two round trips.
	turnSlack = 500 * time.Millisecond
	// waitPatience is how long a place in the queue is kept for a crawl that is not heard
	// of: they exchange every second.
	waitPatience = 3 * time.Second
	// askAgain is how soon to ask when the one before in the queue has to take its turn.
	askAgain = 200 * time.Millisecond
	// forgiven is how long after the last turn on it a host is no longer taken to be slow: the
	// next crawl finds out by itself.
	forgiven = 10 * time.Minute
	// maxUses is the most hosts of one exchange: as many as a window has URLs.
	maxUses = 1024
)

// turnOf is how long a turn with an interval lasts.
func turnOf(interval time.Duration) time.Duration {
	return max(leastTurn, turnRequests*interval) + turnSlack
}

// clock is a row of the table clocks.
type clock struct {
	crawl, fence      int64 // the fence is 0 where several have the turn, none with an interval
	until, pace, hold int64
	slow              int64
}

// turns answers each use of a host and keeps what was told of it.
func (c *crawl) turns(tx *store.Tx, uses []fleet.HostUse, now time.Time) ([]fleet.HostTurn, error) {
	turns := make([]fleet.HostTurn, len(uses))
	for i, u := range uses {
		var err error
		if u.Clock != "" {
			if turns[i], err = c.turn(tx, u, now); err != nil {
				return nil, err
			}
		}
		turns[i].Host = u.Host
	}
	return turns, nil
}

// note keeps what is told of hosts.
func (c *crawl) note(tx *store.Tx, uses []fleet.HostUse) error {
	if len(uses) > maxUses {
		return fleet.Invalid("hosts", fmt.Sprintf("has %d entries", len(uses)),
			fmt.Sprintf("at most %d", maxUses))
	}
	for _, u := range uses {
		pace := u.Interval.Std().Microseconds()
		_, err := tx.Exec(`UPDATE hosts SET pace = ?, note = ?
 WHERE crawl = ? AND host = ? AND (pace <> ? OR note <> ?)`,
			pace, u.Note, c.id, u.Host, pace, u.Note)
		if err != nil {
			return err
		}
	}
	return nil
}

// turn gives a turn on a clock to who has it already, to who is alone, or to who has
// waited longest; the others wait. Two turns never overlap, unless neither has an interval:
// what a crawl may do in its own it has been told, and it is not taken back.
func (c *crawl) turn(tx *store.Tx, u fleet.HostUse, now time.Time) (t fleet.HostTurn, err error) {
	var k clock
	err = tx.One(`SELECT crawl, fence, until, pace, hold, slow FROM clocks WHERE name = ?`,
		[]any{u.Clock}, &k.crawl, &k.fence, &k.until, &k.pace, &k.hold, &k.slow)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return t, err
	}
	at := store.Micros(now)
	if u.Hold > 0 {
		k.hold = max(k.hold, at+u.Hold.Std().Microseconds())
	}
	mine, free := k.crawl == c.id && k.fence == c.fence, k.until <= at
	k.learn(u, mine, at)
	first, err := c.firstWaiting(tx, u.Clock, at)
	if err != nil {
		return t, err
	}
	interval := max(u.Interval.Std(), time.Duration(k.slow)*time.Microsecond)
	shared := !free && interval == 0 && k.pace == 0
	switch {
	case first == 0 && (mine || free || shared), first == c.id && free:
		k.until = max(k.until, max(at, k.hold)+turnOf(interval).Microseconds())
	case mine && !free, shared && first == c.id: // others wait: it ends as it was told
	default:
		return c.wait(tx, u.Clock, k, at)
	}
	k.pace = interval.Microseconds()
	if k.crawl, k.fence = c.id, c.fence; shared && !mine {
		k.fence = 0 // no crawl's alone: it does not end with one of them
	}
	t, err = c.has(tx, u, k, at)
	if !mine {
		slow := micros(k.slow)
		t.Slow = &slow
	}
	return t, err
}

// learn takes over how slow a crawl has found the host: all that it says where it had the
// turn, since nobody else has asked the host, and from the others only what is worse.
func (k *clock) learn(u fleet.HostUse, mine bool, at int64) {
	slow := u.Slow.Std().Microseconds()
	switch {
	case mine:
		k.slow = slow
	case at-k.until > forgiven.Microseconds():
		k.slow = 0
	}
	if u.Distress {
		k.slow = max(k.slow, slow)
	}
}

// has writes whose turn it is and tells the crawl.
func (c *crawl) has(tx *store.Tx, u fleet.HostUse, k clock, at int64) (fleet.HostTurn, error) {
	_, err := tx.Exec(`INSERT INTO clocks (name, crawl, fence, until, pace, hold, slow) VALUES (?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (name) DO UPDATE SET crawl = excluded.crawl, fence = excluded.fence,
 until = excluded.until, pace = excluded.pace, hold = excluded.hold, slow = excluded.slow`,
		u.Clock, k.crawl, k.fence, k.until, k.pace, k.hold, k.slow)
	if err != nil {
		return fleet.HostTurn{}, err
	}
	_, err = tx.Exec(`DELETE FROM clock_waits WHERE name = ? AND crawl = ?`, u.Clock, c.id)
	return fleet.HostTurn{From: micros(max(0, k.hold-at)), Until: micros(k.until - at)}, err
}

// firstWaiting is the crawl that has waited longest, 0 for none.
func (c *crawl) firstWaiting(tx *store.Tx, name string, at int64) (id int64, err error) {
	err = tx.One(`SELECT crawl FROM clock_waits WHERE name = ? AND (seen > ? OR crawl = ?)
 ORDER BY since, crawl LIMIT 1`, []any{name, at - waitPatience.Microseconds(), c.id}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// wait takes or keeps a place in the queue.
func (c *crawl) wait(tx *store.Tx, name string, k clock, at int64) (fleet.HostTurn, error) {
	_, err := tx.Exec(`INSERT INTO clock_waits (name, crawl, fence, since, seen) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT (name, crawl) DO UPDATE SET seen = excluded.seen, fence = excluded.fence`,
		name, c.id, c.fence, at, at)
	if err != nil {
		return fleet.HostTurn{}, err
	}
	_, err = tx.Exec(`UPDATE clocks SET hold = ?, slow = ? WHERE name = ? AND (hold < ? OR slow < ?)`,
		k.hold, k.slow, name, k.hold, k.slow)
	return fleet.HostTurn{Again: micros(max(k.until-at, askAgain.Microseconds()))}, err
}

// leave gives a crawl's turns back at its end: its last requests have begun by now, so
// that an interval from now is enough for every host.
func (c *crawl) leave(tx *store.Tx, now time.Time) error {
	at := store.Micros(now)
	_, err := tx.Exec(`UPDATE clocks SET until = ? + pace WHERE crawl = ? AND fence <> 0 AND until > ? + pace`,
		at, c.id, at)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM clock_waits WHERE crawl = ?`, c.id)
	return err
}

func micros(n int64) fleet.Duration { return fleet.Duration(time.Duration(n) * time.Microsecond) }

// maxHostRows is the most hosts that Pace answers: people read them.
const maxHostRows = 20

// Pace answers what politeness makes of a crawl; the zero one for a ticket that nobody
// has claimed and for a crawl that is closed.
func (s *Store) Pace(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (p fleet.Pace, err error) {
	err = s.read(ctx, t, func(tx *store.Tx) error {
		p, err = pace(tx, id)
		return err
	})
	if err != nil {
		return fleet.Pace{}, fmt.Errorf("read pace of %s/%s: %w", t, id, err)
	}
	return p, nil
}

func pace(tx *store.Tx, id fleet.TicketID) (p fleet.Pace, err error) {
	rows, err := tx.Query(`SELECT h.host, h.queued, h.inflight, h.pace, h.note, c.state
 FROM crawls c JOIN hosts h ON h.crawl = c.id
 WHERE c.ticket = ? AND (h.note <> '' OR c.state = 'running' AND h.pace > 0 AND h.queued + h.inflight > 0)
 ORDER BY (h.queued + h.inflight) * h.pace DESC, h.host LIMIT ?`, string(id), maxHostRows)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h fleet.HostRow
		var every int64
		var state fleet.CrawlState
		if err := rows.Scan(&h.Host, &h.Queued, &h.InFlight, &every, &h.Note, &state); err != nil {
			return p, err
		}
		h.Interval = micros(every)
		if state == fleet.CrawlClosed {
			h.Queued, h.InFlight = 0, 0 // they were skipped
		}
		h.Left = micros(every * (h.Queued + h.InFlight))
		p.Left = max(p.Left, h.Left)
		p.Hosts = append(p.Hosts, h)
	}
	return p, rows.Err()
}
