package tenantdb

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// cuts are how a crawl's cuts are stored: as JSON, so that a new reason is no new column.
type cuts fleet.Cuts

// Scan implements sql.Scanner.
func (c *cuts) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("cuts are a %T", v)
	}
	*c = cuts{}
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), c)
}

// Value implements driver.Valuer.
func (c cuts) Value() (driver.Value, error) {
	if c == (cuts{}) {
		return "", nil
	}
	b, err := json.Marshal(c)
	return string(b), err
}

// limited leaves out the links of one host for which the ticket's scope has no place any
// more, and counts them. Those that the frontier has take none.
func (c *crawl) limited(tx *store.Tx, host int64, links []found) ([]found, error) {
	if c.maxHost == 0 && c.maxPattern == 0 {
		return links, nil
	}
	news, err := c.news(tx, links)
	if err != nil {
		return nil, err
	}
	news, err = c.withinPattern(tx, news)
	if err != nil || c.maxHost == 0 {
		return news, err
	}
	var have int64
	err = tx.One(`SELECT found FROM hosts WHERE id = ?`, []any{host}, &have)
	if err != nil {
		return nil, err
	}
	if room := max(0, c.maxHost-have); int64(len(news)) > room {
		c.ends.Cut.Host += int64(len(news)) - room
		news = news[:room]
	}
	_, err = tx.Exec(`UPDATE hosts SET found = found + ? WHERE id = ?`, len(news), host)
	return news, err
}

// news are the links that the frontier has not.
func (c *crawl) news(tx *store.Tx, links []found) ([]found, error) {
	known := map[key]bool{}
	for rest := links; len(rest) > 0; {
		some := rest[:min(len(rest), 128)] // as many as one insert takes
		rest = rest[len(some):]
		args := []any{c.id}
		for i := range some {
			args = append(args, some[i].key[:])
		}
		if err := c.addKnown(tx, known, args); err != nil {
			return nil, err
		}
	}
	news := make([]found, 0, len(links))
	for _, l := range links {
		if !known[l.key] {
			news = append(news, l)
		}
	}
	return news, nil
}

func (c *crawl) addKnown(tx *store.Tx, known map[key]bool, args []any) error {
	rows, err := tx.Query(`SELECT key FROM frontier WHERE crawl = ? AND key IN (?`+
		strings.Repeat(", ?", len(args)-2)+`)`, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var k []byte
		if err := rows.Scan(&k); err != nil {
			_ = rows.Close() // the first error counts
			return err
		}
		known[key(k)] = true
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}

// withinPattern leaves out the links of whose kind there are enough.
func (c *crawl) withinPattern(tx *store.Tx, links []found) ([]found, error) {
	if c.maxPattern == 0 {
		return links, nil
	}
	kept := make([]found, 0, len(links))
	for _, l := range links {
		if l.pattern == nil { // an older crawler's
			kept = append(kept, l)
			continue
		}
		n, err := tx.Exec(`INSERT INTO patterns (crawl, key, found) VALUES (?, ?, 1)
 ON CONFLICT (crawl, key) DO UPDATE SET found = patterns.found + 1 WHERE patterns.found < ?`,
			c.id, l.pattern, c.maxPattern)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			c.ends.Cut.Pattern++
			continue
		}
		kept = append(kept, l)
	}
	return kept, nil
}
