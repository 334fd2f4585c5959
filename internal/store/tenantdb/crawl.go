package tenantdb

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// crawl is a row of the table crawls.
type crawl struct {
	id                  int64
	state               fleet.CrawlState
	epoch, fence, seq   int64
	reopened            int64
	guid                fleet.GUID
	seeded, ended       bool
	outcome             fleet.Outcome
	reason, failure     string
	maxPages            int64
	maxDepth            int
	pageSeq, firstClaim int64
	discovered          int64
	queued, inflight    int64
	ends                fleet.Counters // of it the ends of URLs, Refetched and Bytes
	session             fleet.SessionKey
	maxHost, maxPattern int64
	base                int64 // the crawl that this one repeats, 0 for none
	copying             bool  // not all of its frontier is here yet
	copied              []byte

	moved map[int64]shift  // of hosts, by id: not written yet
	hosts map[string]int64 // ids that were looked up
}

const crawlColumns = `id, state, epoch, fence, seq, reopened, guid, seeded, ended, outcome,
 reason, error, max_pages, max_depth, page_seq, first_claim, discovered, queued, inflight,
 fetched, redirected, failed, skipped, refetched, bytes, not_modified, blocked, session, cuts,
 max_host, max_pattern, base, copying, copied`

func (c *crawl) fields() []any {
	return []any{
		&c.id, &c.state, &c.epoch, &c.fence, &c.seq, &c.reopened, &c.guid, &c.seeded, &c.ended,
		&c.outcome, &c.reason, &c.failure, &c.maxPages, &c.maxDepth, &c.pageSeq, &c.firstClaim,
		&c.discovered, &c.queued, &c.inflight, &c.ends.Fetched, &c.ends.Redirected, &c.ends.Failed,
		&c.ends.Skipped, &c.ends.Refetched, &c.ends.Bytes, &c.ends.NotModified, &c.ends.Blocked,
		&c.session, (*cuts)(&c.ends.Cut), &c.maxHost, &c.maxPattern, &c.base,
		&c.copying, &c.copied,
	}
}

// find reads a ticket's crawl; false where there is none.
func find(tx *store.Tx, id fleet.TicketID) (*crawl, bool, error) {
	c := new(crawl)
	err := tx.One(`SELECT `+crawlColumns+` FROM crawls WHERE ticket = ?`,
		[]any{string(id)}, c.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

// save writes what a claim or an exchange has changed.
func (c *crawl) save(tx *store.Tx) error {
	if err := c.settle(tx); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE crawls SET state = ?, epoch = ?, fence = ?, seq = ?,
 reopened = ?, guid = ?, seeded = ?, ended = ?, outcome = ?, reason = ?, error = ?,
 max_pages = ?, max_depth = ?, page_seq = ?, first_claim = ?, discovered = ?, queued = ?, inflight = ?, fetched = ?,
 redirected = ?, failed = ?, skipped = ?, refetched = ?, bytes = ?, not_modified = ?, blocked = ?,
 session = ?, cuts = ?, max_host = ?, max_pattern = ?, base = ?, copying = ?, copied = ? WHERE id = ?`,
		string(c.state), c.epoch, c.fence, c.seq, c.reopened, string(c.guid),
		flag(c.seeded), flag(c.ended), string(c.outcome), c.reason, c.failure, c.maxPages, c.maxDepth,
		c.pageSeq, c.firstClaim, c.discovered, c.queued, c.inflight, c.ends.Fetched,
		c.ends.Redirected, c.ends.Failed, c.ends.Skipped, c.ends.Refetched, c.ends.Bytes,
		c.ends.NotModified, c.ends.Blocked, string(c.session), cuts(c.ends.Cut),
		c.maxHost, c.maxPattern, c.base, flag(c.copying), append([]byte{}, c.copied...), c.id)
	return err
}

// flag is how a truth value is stored in every dialect.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// counters gives what readers see: in a closed crawl, what was left is skipped.
func (c *crawl) counters() fleet.Counters {
	n := c.ends
	n.Discovered, n.Queued, n.InFlight = c.discovered, c.queued, c.inflight
	if c.state == fleet.CrawlClosed {
		n.Skipped += n.Queued + n.InFlight
		n.Queued, n.InFlight = 0, 0
	}
	return n
}

// end closes the crawl with its own outcome.
func (c *crawl) end(o fleet.Outcome, reason string, failure *fleet.Error) error {
	c.state, c.ended, c.outcome, c.reason, c.failure = fleet.CrawlClosed, true, o, reason, ""
	if failure == nil {
		return nil
	}
	b, err := json.Marshal(failure)
	if err != nil {
		return fmt.Errorf("write the crawl's error: %w", err)
	}
	c.failure = string(b)
	return nil
}

// err gives the stored error, nil where there is none.
func (c *crawl) err() (*fleet.Error, error) {
	if c.failure == "" {
		return nil, nil //nolint:nilnil // most crawls have none
	}
	e := new(fleet.Error)
	if err := json.Unmarshal([]byte(c.failure), e); err != nil {
		return nil, fmt.Errorf("read the crawl's error: %w", err)
	}
	return e, nil
}
