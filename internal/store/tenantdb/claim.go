package tenantdb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Claim takes a crawl for a lease and hands out its first URLs. It raises the fence,
// so that whoever claimed before can store nothing more, and queues again what was in
// flight there. The first claim makes the crawl; until its seeds have come it answers
// Seed. The spec is the ticket's, normalised, with its page limit set.
//
// It refuses with fenced when a newer lease has been seen or when the crawl was closed
// from outside, and with not_found when the tenant has no database. A crawl that came
// to its own end answers that outcome again.
func (s *Store) Claim(
	ctx context.Context, r fleet.ClaimRequest, spec fleet.TicketInput,
) (fleet.ClaimAnswer, error) {
	if spec.Scope.MaxPages <= 0 || spec.Scope.MaxDepth == nil {
		return fleet.ClaimAnswer{}, fleet.Invalid("scope", "has no limits", "a normalised ticket")
	}
	var a fleet.ClaimAnswer
	err := s.write(ctx, r.Tenant, func(tx *store.Tx) error {
		var err error
		a, err = s.claim(tx, r, spec)
		return err
	})
	if err != nil {
		return fleet.ClaimAnswer{}, fmt.Errorf("claim %s/%s: %w", r.Tenant, r.Ticket, err)
	}
	a.Spec = spec
	return a, nil
}

func (s *Store) claim(
	tx *store.Tx, r fleet.ClaimRequest, spec fleet.TicketInput,
) (a fleet.ClaimAnswer, err error) {
	c, err := findOrMake(tx, r.Ticket)
	if err != nil {
		return a, err
	}
	if r.Epoch < c.epoch {
		return a, fleet.Errorf(fleet.CodeFenced, fmt.Sprintf(
			"lease %d has been overtaken by lease %d", r.Epoch, c.epoch))
	}
	if c.state == fleet.CrawlClosed {
		return closedClaim(c)
	}
	again := c.fence > 0 && c.guid == r.GUID && c.epoch == r.Epoch && c.seq == 0
	if err := c.requeue(tx, again); err != nil {
		return a, err
	}
	c.epoch, c.fence, c.seq, c.guid = r.Epoch, c.fence+1, 0, r.GUID
	c.maxPages, c.maxDepth = spec.Scope.MaxPages, *spec.Scope.MaxDepth
	c.maxHost, c.maxPattern = spec.Scope.MaxPerHost, spec.Scope.MaxPerPattern
	if spec.Recrawl != nil && !c.seeded {
		if c.base, err = c.baseOf(tx, spec.Recrawl.Of); err != nil {
			return a, err
		}
	}
	if spec.Session != nil {
		c.session = spec.Session.Key
	}
	if c.firstClaim == 0 {
		c.firstClaim = store.Micros(s.clock())
	}
	if c.seeded {
		if err := c.take(tx, r.Want, r.PerHost, s.clock()); err != nil {
			return a, err
		}
		if a.Work, err = c.handed(tx); err != nil {
			return a, err
		}
	}
	if a.Session, err = c.carried(tx); err != nil {
		return a, err
	}
	a.Fence, a.Seed, a.Counters = c.fence, !c.seeded, c.counters()
	return a, c.save(tx)
}

// findOrMake reads a ticket's crawl, and makes a running one where there is none.
func findOrMake(tx *store.Tx, id fleet.TicketID) (*crawl, error) {
	c, found, err := find(tx, id)
	if err != nil || found {
		return c, err
	}
	c.state = fleet.CrawlRunning
	err = tx.One(`INSERT INTO crawls (ticket, state) VALUES (?, ?) RETURNING id`,
		[]any{string(id), string(c.state)}, &c.id)
	return c, err
}

// closedClaim answers a claim of a closed crawl: the outcome when it came to its own
// end, so that a crawler that died between its last commit and its answer is followed
// by one that only has to answer; else a refusal.
func closedClaim(c *crawl) (fleet.ClaimAnswer, error) {
	if !c.ended {
		return fleet.ClaimAnswer{}, fleet.Errorf(fleet.CodeFenced,
			fmt.Sprintf("the crawl is closed: %s", c.outcome))
	}
	failure, err := c.err()
	return fleet.ClaimAnswer{
		Fence: c.fence, Counters: c.counters(), Outcome: c.outcome, Reason: c.reason, Error: failure,
	}, err
}

// requeue puts what is in flight back. It counts as fetched again, unless the same
// claim is only being repeated after a lost answer: nobody has seen those URLs.
func (c *crawl) requeue(tx *store.Tx, again bool) error {
	_, err := tx.Exec(`UPDATE hosts SET queued = queued + inflight, inflight = 0
 WHERE crawl = ? AND inflight > 0`, c.id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE frontier SET state = 'queued' WHERE crawl = ? AND state = 'inflight'`, c.id)
	if err != nil {
		return err
	}
	c.queued, c.inflight = c.queued+n, c.inflight-n
	if !again {
		c.ends.Refetched += n
	}
	return nil
}
