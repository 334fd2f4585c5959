package tenantdb

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// maxHops is how many redirects in a row are followed: browsers give up at 20, and
// an honest site needs 3.
const maxHops = 10

// reasonLoop is the reason of a page whose redirect would be one too many.
const reasonLoop = "redirect loop"

// key is the identity of a URL within a ticket: 128 bits of its canonical form's
// SHA-256, so that no site can make two pages look like one.
type key [16]byte

func keyOf(canonical string) key {
	sum := sha256.Sum256([]byte(canonical))
	return key(sum[:len(key{})])
}

// batch is an exchange made ready for its transaction: keys digested, fields written.
type batch struct {
	seeds  []found
	links  [][]found // by page
	fields []string  // by page
}

// found is a link that may become a row of the frontier.
type found struct {
	key      key
	url      string
	depth    int
	hops     int
	redirect bool
	parent   any // the row's id, nil for a seed
}

// digest checks a request and computes what its transaction needs.
func digest(r fleet.ExchangeRequest) (b batch, err error) {
	if b.seeds, err = keys("seeds", r.Seeds, false); err != nil {
		return b, err
	}
	b.links, b.fields = make([][]found, len(r.Pages)), make([]string, len(r.Pages))
	for i, p := range r.Pages {
		field := fmt.Sprintf("pages[%d]", i)
		if err := checkOutcome(field, p); err != nil {
			return b, err
		}
		redirect := p.Outcome == fleet.PageRedirected
		if b.links[i], err = keys(field+".links", p.Links, redirect); err != nil {
			return b, err
		}
		if len(p.Fields) == 0 {
			continue
		}
		text, err := json.Marshal(p.Fields)
		if err != nil {
			return b, fleet.Invalid(field+".fields", err.Error(), "strings and lists of strings")
		}
		b.fields[i] = string(text)
	}
	return b, nil
}

func checkOutcome(field string, p fleet.PageResult) error {
	switch p.Outcome {
	case fleet.PageFetched, fleet.PageRedirected, fleet.PageFailed, fleet.PageSkipped:
		return nil
	default:
		if p.Retry { // not an end
			return nil
		}
		return fleet.Invalid(field+".outcome", fmt.Sprintf("%q is not known", p.Outcome),
			"fetched, redirected, failed or skipped")
	}
}

func keys(field string, links []fleet.Link, redirect bool) ([]found, error) {
	list := make([]found, len(links))
	for i, l := range links {
		if l.URL == "" || l.Key == "" {
			return nil, fleet.Invalid(fmt.Sprintf("%s[%d]", field, i), "has no URL or no key", "both")
		}
		list[i] = found{key: keyOf(l.Key), url: l.URL, redirect: redirect || l.Hops > 0}
	}
	return list, nil
}

// seed takes the seeds of a frontier that has none.
func (c *crawl) seed(tx *store.Tx, b batch) error {
	if c.seeded {
		return nil
	}
	if len(b.seeds) == 0 {
		return fleet.Invalid("seeds", "is missing",
			"the ticket's URLs with their keys, in the first exchange")
	}
	c.seeded = true
	return c.discover(tx, b.seeds)
}

// report ends each URL of the batch, or puts it back, stores its page and takes its links.
func (c *crawl) report(tx *store.Tx, r fleet.ExchangeRequest, b batch, now time.Time) error {
	var links []found
	for i, p := range r.Pages {
		if p.Retry {
			if err := c.retry(tx, i, p, now); err != nil {
				return err
			}
			continue
		}
		row, err := c.conclude(tx, i, p)
		if err != nil {
			return err
		}
		if row.outcome != p.Outcome { // the redirect was one too many
			p.Outcome, p.Reason, b.links[i] = row.outcome, reasonLoop, nil
		}
		if err := c.store(tx, r.GUID, p, b.fields[i]); err != nil {
			return err
		}
		links = append(links, c.below(row, p, b.links[i])...)
	}
	return c.discover(tx, links)
}

// retry puts a URL back into the queue.
func (c *crawl) retry(tx *store.Tx, i int, p fleet.PageResult, now time.Time) error {
	n, err := tx.Exec(`UPDATE frontier
 SET state = 'queued', attempts = attempts + 1, reason = ?, not_before = ?
 WHERE id = ? AND crawl = ? AND state = 'inflight'`,
		p.Reason, store.Micros(now.Add(max(0, p.RetryAfter.Std()))), p.ID, c.id)
	if err != nil {
		return err
	}
	if n == 0 {
		return notHandedOut(i, p.ID)
	}
	c.queued, c.inflight = c.queued+1, c.inflight-1
	return nil
}

func notHandedOut(i int, id int64) error {
	return fleet.Invalid(fmt.Sprintf("pages[%d].id", i), fmt.Sprintf("%d is not in flight", id),
		"a URL that was handed out and not reported yet")
}

// below gives the links of a page their depth and drops those under the depth limit.
func (c *crawl) below(row concluded, p fleet.PageResult, links []found) []found {
	kept := links[:0]
	for _, l := range links {
		l.depth, l.parent = row.depth+1, p.ID
		if l.redirect {
			l.depth, l.hops = row.depth, row.hops+1
		}
		if l.depth <= c.maxDepth && l.hops <= maxHops {
			kept = append(kept, l)
		}
	}
	return kept
}

// inserts are the statements for so many links, the largest first: fewer cost more round
// trips to the engine, more cost memory for a statement and gain nothing measurable.
var inserts = []insert{insertOf(128), insertOf(32), insertOf(8), insertOf(1)}

type insert struct {
	rows  int
	query string
}

func insertOf(rows int) insert {
	return insert{rows, `INSERT INTO frontier (crawl, key, url, depth, parent, hops) VALUES ` +
		strings.Repeat("(?, ?, ?, ?, ?, ?), ", rows-1) + "(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"}
}

// discover inserts the links that are not known yet.
func (c *crawl) discover(tx *store.Tx, links []found) error {
	links = distinct(links)
	for _, l := range links {
		if !l.redirect {
			continue
		}
		// A redirect's target keeps the depth, so that it may be nearer than it was known to be.
		_, err := tx.Exec(`UPDATE frontier SET depth = ?
 WHERE crawl = ? AND key = ? AND state = 'queued' AND depth > ?`,
			l.depth, c.id, l.key[:], l.depth)
		if err != nil {
			return err
		}
	}
	for _, in := range inserts {
		for len(links) >= in.rows {
			args := make([]any, 0, in.rows*6) // columns of a row
			for i := range links[:in.rows] {
				l := &links[i]
				args = append(args, c.id, l.key[:], l.url, l.depth, l.parent, l.hops)
			}
			added, err := tx.Exec(in.query, args...)
			if err != nil {
				return err
			}
			c.discovered, c.queued = c.discovered+added, c.queued+added
			links = links[in.rows:]
		}
	}
	return nil
}

// distinct drops the links that a batch has twice; the nearest one stays.
func distinct(links []found) []found {
	at := make(map[key]int, len(links))
	kept := links[:0]
	for _, l := range links {
		i, twice := at[l.key]
		switch {
		case !twice:
			at[l.key] = len(kept)
			kept = append(kept, l)
		case l.depth < kept[i].depth:
			kept[i] = l
		}
	}
	return kept
}
