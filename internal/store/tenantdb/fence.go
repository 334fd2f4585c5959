package tenantdb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Raise lifts the fence of a crawl to a lease's epoch. Every claim before it is stopped;
// a claim with this epoch or a later one is taken. For a ticket that nobody has claimed
// it is remembered. A repeat does nothing.
func (s *Store) Raise(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64,
) error {
	err := s.write(ctx, t, func(tx *store.Tx) error {
		c, err := findOrMake(tx, id)
		if err != nil {
			return err
		}
		return c.raise(tx, epoch)
	})
	if err != nil {
		return fmt.Errorf("raise the fence of %s/%s: %w", t, id, err)
	}
	return nil
}

func (c *crawl) raise(tx *store.Tx, epoch int64) error {
	if epoch <= c.epoch {
		return nil
	}
	c.epoch, c.fence, c.guid = epoch, c.fence+1, ""
	return c.save(tx)
}

// Close raises the fence and closes the crawl with an outcome; one that is closed keeps
// the outcome that it has. It answers the final counters, in which everything that was
// left is skipped. A crawl that nobody has claimed is closed too: it cannot be claimed
// any more.
func (s *Store) Close(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, o fleet.Outcome, reason string,
) (n fleet.Counters, err error) {
	err = s.write(ctx, t, func(tx *store.Tx) error {
		c, err := findOrMake(tx, id)
		if err != nil {
			return err
		}
		if c.state == fleet.CrawlRunning {
			c.state, c.outcome, c.reason, c.fence = fleet.CrawlClosed, o, reason, c.fence+1
			err = c.save(tx)
		}
		n = c.counters()
		return err
	})
	if err != nil {
		return fleet.Counters{}, fmt.Errorf("close %s/%s: %w", t, id, err)
	}
	return n, nil
}

// Reopen makes a closed crawl claimable under a lease's epoch: its failed and cut pages
// are queued again, as if they had not been tried. A crawl that runs only has its fence
// raised. A repeat with the same epoch does nothing, even when the attempt has ended.
func (s *Store) Reopen(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64,
) error {
	err := s.write(ctx, t, func(tx *store.Tx) error {
		c, err := findOrMake(tx, id)
		if err != nil {
			return err
		}
		if epoch <= c.reopened || epoch < c.epoch {
			return nil
		}
		return c.reopen(tx, epoch)
	})
	if err != nil {
		return fmt.Errorf("reopen %s/%s: %w", t, id, err)
	}
	return nil
}

func (c *crawl) reopen(tx *store.Tx, epoch int64) error {
	c.reopened = epoch
	if c.state == fleet.CrawlRunning {
		if epoch > c.epoch {
			return c.raise(tx, epoch)
		}
		return c.save(tx)
	}
	_, err := tx.Exec(`UPDATE hosts SET queued = hosts.queued + again.n FROM (SELECT host, count(*) AS n
 FROM frontier WHERE crawl = ? AND state IN ('failed', 'blocked') GROUP BY host) AS again
 WHERE hosts.id = again.host`, c.id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`DELETE FROM pages WHERE crawl = ? AND outcome IN ('failed', 'blocked')`, c.id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE frontier SET state = 'queued', attempts = 0, not_before = 0, reason = ''
 WHERE crawl = ? AND state IN ('failed', 'blocked')`, c.id)
	if err != nil {
		return err
	}
	c.ends.Failed, c.ends.Blocked, c.queued = 0, 0, c.queued+n
	c.state, c.epoch, c.fence, c.guid = fleet.CrawlRunning, epoch, c.fence+1, ""
	c.ended, c.outcome, c.reason, c.failure = false, "", "", ""
	return c.save(tx)
}
