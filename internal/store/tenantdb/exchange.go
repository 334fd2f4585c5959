package tenantdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Exchange commits a batch under its fence and hands out the next URLs, in one
// transaction. Without the fence nothing is stored and Next is stop. The last batch of
// a claim may be repeated: it is not applied again and answers the same work. A batch
// that cannot be right (a number out of order, a URL that was not handed out) is
// refused with invalid, and nothing of it is stored.
func (s *Store) Exchange(
	ctx context.Context, r fleet.ExchangeRequest,
) (fleet.ExchangeAnswer, error) {
	links, err := digest(r) // outside of the transaction: others wait for it
	if err != nil {
		return fleet.ExchangeAnswer{}, err
	}
	var a fleet.ExchangeAnswer
	err = s.write(ctx, r.Tenant, func(tx *store.Tx) error {
		var err error
		a, err = s.exchange(tx, r, links)
		return err
	})
	if err != nil {
		return fleet.ExchangeAnswer{}, fmt.Errorf("exchange %s/%s: %w", r.Tenant, r.Ticket, err)
	}
	return a, nil
}

func (s *Store) exchange(
	tx *store.Tx, r fleet.ExchangeRequest, links batch,
) (a fleet.ExchangeAnswer, err error) {
	c := new(crawl)
	err = tx.One(`UPDATE crawls SET seq = seq + 1
 WHERE ticket = ? AND fence = ? AND guid = ? AND seq = ? AND state = 'running'
 RETURNING `+crawlColumns,
		[]any{string(r.Ticket), r.Fence, string(r.GUID), r.Seq - 1}, c.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return s.unapplied(tx, r)
	}
	if err != nil {
		return a, err
	}
	now := s.clock()
	if err := c.seed(tx, links); err != nil {
		return a, err
	}
	if err := c.report(tx, r, links, now); err != nil {
		return a, err
	}
	if err := c.repeat(tx); err != nil {
		return a, err
	}
	if err := c.note(tx, r.Hosts); err != nil { // also where this is the last exchange
		return a, err
	}
	if err := c.take(tx, r.Want, r.PerHost, now); err != nil {
		return a, err
	}
	if err := c.carry(tx, r.Session); err != nil {
		return a, err
	}
	if err := c.finish(tx); err != nil {
		return a, err
	}
	if c.state == fleet.CrawlClosed {
		if err := c.leave(tx, now); err != nil {
			return a, err
		}
	}
	if err := c.save(tx); err != nil {
		return a, err
	}
	return c.answer(tx, r, now)
}

// unapplied answers a batch that the fence did not let through: a repeat of the last
// one, one out of order, or a stop.
func (s *Store) unapplied(
	tx *store.Tx, r fleet.ExchangeRequest,
) (a fleet.ExchangeAnswer, err error) {
	c, found, err := find(tx, r.Ticket)
	if err != nil {
		return a, err
	}
	stopped := c.state == fleet.CrawlClosed && !c.ended
	if !found || c.fence != r.Fence || c.guid != r.GUID || stopped {
		return fleet.ExchangeAnswer{Next: fleet.NextStop, Counters: c.counters()}, nil
	}
	if c.seq != r.Seq && !c.ended {
		return a, fleet.Invalid("seq", fmt.Sprintf("is %d", r.Seq), fmt.Sprintf("%d", c.seq+1))
	}
	return c.answer(tx, r, s.clock())
}

// answer tells the crawler how to go on from the state that c has after its batch.
func (c *crawl) answer(
	tx *store.Tx, r fleet.ExchangeRequest, now time.Time,
) (a fleet.ExchangeAnswer, err error) {
	a = fleet.ExchangeAnswer{Counters: c.counters(), Next: fleet.NextGo}
	if c.state == fleet.CrawlClosed {
		a.Next, a.Outcome, a.Reason = fleet.NextEnd, c.outcome, c.reason
		a.Error, err = c.err()
		return a, err
	}
	if a.Work, err = c.handed(tx); err != nil {
		return a, err
	}
	left, err := c.pause(tx, now)
	if err != nil {
		return a, err
	}
	a.NotBefore = fleet.Duration(left)
	a.Turns, err = c.turns(tx, r.Hosts, now)
	return a, err
}

// ReasonPageLimit is why a crawl that reached its page limit ends, and why the URLs
// that it left are skipped.
const ReasonPageLimit = "page limit"

// finish closes the crawl when there is nothing left to do.
func (c *crawl) finish(tx *store.Tx) error {
	switch {
	case c.inflight > 0 || c.copying:
		return nil
	case c.queued > 0 && c.ends.Fetched >= c.maxPages:
		return c.end(fleet.OutcomeLimited, ReasonPageLimit, nil)
	case c.queued > 0:
		return nil
	}
	vain, err := c.vain(tx)
	if err != nil {
		return err
	}
	switch {
	case c.ends.Blocked > 0:
		return c.finishBlocked(tx, vain)
	case vain:
		failure, err := c.unreachable(tx)
		if err != nil {
			return err
		}
		return c.end(fleet.OutcomeFailed, failure.Message, failure)
	default:
		return c.end(fleet.OutcomeDone, "", nil)
	}
}

// reasonOutOfScope begins the reason of a redirect that leads out of the ticket's scope; the
// host that it leads to may follow.
const reasonOutOfScope = "redirect out of scope"

// vain reports whether nothing came of a crawl. A page that is skipped did come to an end
// that somebody wanted, but for one that leads out of the scope.
func (c *crawl) vain(tx *store.Tx) (bool, error) {
	if c.ends.Fetched+c.ends.NotModified > 0 {
		return false, nil
	}
	var wanted int64
	err := tx.One(`SELECT count(*) FROM frontier WHERE crawl = ? AND state = 'skipped'
 AND substr(reason, 1, ?) <> ?`, []any{c.id, len(reasonOutOfScope), reasonOutOfScope}, &wanted)
	return wanted == 0, err
}

// finishBlocked ends a crawl that met challenges: failed where nothing else came of it,
// else done, and says whose they were.
func (c *crawl) finishBlocked(tx *store.Tx, vain bool) error {
	var reason string
	err := tx.One(`SELECT reason FROM frontier WHERE crawl = ? AND state = 'blocked'
 ORDER BY id LIMIT 1`, []any{c.id}, &reason)
	if err != nil {
		return err
	}
	if vain {
		return c.end(fleet.OutcomeFailed, reason, fleet.Errorf(fleet.CodeBlocked, reason))
	}
	pages := "pages"
	if c.ends.Blocked == 1 {
		pages = "page"
	}
	return c.end(fleet.OutcomeDone, fmt.Sprintf("%s: %d %s", reason, c.ends.Blocked, pages), nil)
}

// unreachable says why a crawl came to its end without a page: what became of its first URL
// that was not fetched.
func (c *crawl) unreachable(tx *store.Tx) (*fleet.Error, error) {
	var url, reason string
	err := tx.One(`SELECT url, reason FROM frontier WHERE crawl = ? AND state IN ('failed', 'skipped')
 ORDER BY id LIMIT 1`, []any{c.id}, &url, &reason)
	switch {
	case errors.Is(err, sql.ErrNoRows): // they lead to each other
		return fleet.Errorf(fleet.CodeUnreachable, "every seed redirects and none arrives"), nil
	case err != nil:
		return nil, err
	}
	why := fmt.Sprintf("no seed could be fetched; %s: %s", url, reason)
	if host, ok := strings.CutPrefix(reason, reasonOutOfScope+": "); ok {
		why += fmt.Sprintf("; add %s to scope.hosts", host)
	}
	return fleet.Errorf(fleet.CodeUnreachable, why), nil
}
