package tenantdb

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	notes  []string  // by page
}

// found is a link that may become a row of the frontier.
type found struct {
	key      key
	host     string
	url      string
	depth    int
	hops     int
	pattern  []byte // nil where nobody counts them
	redirect bool
	seed     bool
	list     fleet.ListKind
	parent   any // the row's id, nil for a seed
}

// digest checks a request and computes what its transaction needs.
func digest(r fleet.ExchangeRequest) (b batch, err error) {
	if b.seeds, err = keys("seeds", r.Seeds, false); err != nil {
		return b, err
	}
	b.links, b.fields = make([][]found, len(r.Pages)), make([]string, len(r.Pages))
	b.notes = make([]string, len(r.Pages))
	for i, p := range r.Pages {
		field := fmt.Sprintf("pages[%d]", i)
		if err := checkOutcome(field, p); err != nil {
			return b, err
		}
		redirect := p.Outcome == fleet.PageRedirected
		if b.links[i], err = keys(field+".links", p.Links, redirect); err != nil {
			return b, err
		}
		if b.notes[i], err = written(p.Notes); err != nil {
			return b, fleet.Invalid(field+".notes", err.Error(), "an object")
		}
		if len(p.Fields) == 0 {
			continue
		}
		if b.fields[i], err = written(p.Fields); err != nil {
			return b, fleet.Invalid(field+".fields", err.Error(), "values by name")
		}
	}
	return b, nil
}

// written is a value as JSON, "" where there is nothing in it.
func written(v any) (string, error) {
	b, err := json.Marshal(v)
	if string(b) == "{}" {
		return "", err
	}
	return string(b), err
}

func checkOutcome(field string, p fleet.PageResult) error {
	if p.Retry || slices.Contains(fleet.PageOutcomes(), p.Outcome) { // a retry is no end
		return nil
	}
	return fleet.Invalid(field+".outcome", fmt.Sprintf("%q is not known", p.Outcome),
		fmt.Sprint("one of ", fleet.PageOutcomes()))
}

func keys(field string, links []fleet.Link, redirect bool) ([]found, error) {
	list := make([]found, len(links))
	for i, l := range links {
		if l.URL == "" || l.Key == "" {
			return nil, fleet.Invalid(fmt.Sprintf("%s[%d]", field, i), "has no URL or no key", "both")
		}
		list[i] = found{
			key: keyOf(l.Key), host: hostOf(l.Key), url: l.URL, redirect: redirect || l.Hops > 0,
			seed: l.Seed, list: l.List,
		}
		if l.Pattern != "" {
			k := keyOf(l.Pattern)
			list[i].pattern = k[:]
		}
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
	c.seeded, c.copying = true, c.base != 0
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
		if err := c.store(tx, r.GUID, p, b.fields[i], b.notes[i]); err != nil {
			return err
		}
		c.ends.Cut = c.ends.Cut.Plus(p.Cut)
		links = append(links, c.below(row, p, b.links[i])...)
	}
	return c.discover(tx, links)
}

// retry puts a URL back into the queue.
func (c *crawl) retry(tx *store.Tx, i int, p fleet.PageResult, now time.Time) error {
	var host int64
	err := tx.One(`UPDATE frontier
 SET state = 'queued', attempts = attempts + 1, reason = ?, not_before = ?
 WHERE id = ? AND crawl = ? AND state = 'inflight' RETURNING host`,
		[]any{p.Reason, store.Micros(now.Add(max(0, p.RetryAfter.Std()))), p.ID, c.id}, &host)
	if errors.Is(err, sql.ErrNoRows) {
		return notHandedOut(i, p.ID)
	}
	if err != nil {
		return err
	}
	c.queued, c.inflight = c.queued+1, c.inflight-1
	c.move(host, 1, -1)
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
		if l.seed {
			l.depth = 0
		}
		if l.depth <= c.maxDepth && l.hops <= maxHops {
			kept = append(kept, l)
		}
	}
	return kept
}
