package tenantdb

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// inserts are the statements for so many links, the largest first: fewer cost more round
// trips to the engine, more cost memory for a statement and gain nothing measurable.
var inserts = []insert{insertOf(128), insertOf(32), insertOf(8), insertOf(1)}

type insert struct {
	rows  int
	query string
}

func insertOf(rows int) insert {
	return insert{rows, `INSERT INTO frontier (crawl, host, key, url, depth, parent, hops) VALUES ` +
		strings.Repeat("(?, ?, ?, ?, ?, ?, ?), ", rows-1) + "(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"}
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
	for host, links := range byHost(links) {
		if err := c.insert(tx, host, links); err != nil {
			return err
		}
	}
	return c.mark(tx, links)
}

// mark notes which URLs are lists, also where they were known as pages and nobody has had
// them yet. There are few, so that other links do not pay for it.
func (c *crawl) mark(tx *store.Tx, links []found) error {
	lists := map[fleet.ListKind][]any{}
	for i := range links {
		if l := &links[i]; l.list != "" {
			lists[l.list] = append(lists[l.list], l.key[:])
		}
	}
	for kind, keys := range lists {
		for some := range slices.Chunk(keys, inserts[0].rows) {
			_, err := tx.Exec(`UPDATE frontier SET list = ? WHERE crawl = ? AND state = 'queued' AND key IN (?`+
				strings.Repeat(", ?", len(some)-1)+`)`, append([]any{string(kind), c.id}, some...)...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// insert inserts links of one host: how many of them are new is the host's count.
func (c *crawl) insert(tx *store.Tx, host string, links []found) error {
	id, err := c.host(tx, host)
	if err != nil {
		return err
	}
	if links, err = c.limited(tx, id, links); err != nil {
		return err
	}
	for _, in := range inserts {
		for len(links) >= in.rows {
			args := make([]any, 0, in.rows*7) // columns of a row
			for i := range links[:in.rows] {
				l := &links[i]
				args = append(args, c.id, id, l.key[:], l.url, l.depth, l.parent, l.hops)
			}
			added, err := tx.Exec(in.query, args...)
			if err != nil {
				return err
			}
			c.discovered, c.queued = c.discovered+added, c.queued+added
			c.move(id, added, 0)
			links = links[in.rows:]
		}
	}
	return nil
}

// byHost yields the links of each host in their order, the hosts in that of their first.
func byHost(links []found) iter.Seq2[string, []found] {
	return func(yield func(string, []found) bool) {
		if !slices.ContainsFunc(links, func(l found) bool { return l.host != links[0].host }) {
			if len(links) > 0 { // nearly always
				yield(links[0].host, links)
			}
			return
		}
		var names []string
		of := map[string][]found{}
		for _, l := range links {
			if of[l.host] == nil {
				names = append(names, l.host)
			}
			of[l.host] = append(of[l.host], l)
		}
		for _, name := range names {
			if !yield(name, of[name]) {
				return
			}
		}
	}
}

// distinct drops the links that a batch has twice; the nearest one stays, and what either
// says of a list.
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
		default:
			kept[i].list = cmp.Or(kept[i].list, l.list)
		}
	}
	return kept
}
