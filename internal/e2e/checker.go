package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// Crawled is a ticket that was submitted, with what it has to have come to.
type Crawled struct {
	*Ticket
	// Outcome it ended with; empty for any.
	Outcome fleet.Outcome
	// Part says that it was ended early: it may have stored less, but nothing else.
	Part bool
}

// Evidence is all that Check judges by. Nothing of it is what the fleet believes: the
// site's own log and pages, the rows as they are in the files, the process table.
type Evidence struct {
	Log   []sample.Request // of the one site that all tickets crawl
	Truth sample.Truth     // of that site, for each ticket
	// Key gives the one spelling of a URL.
	Key func(url string) string
	// Patience names the URLs that fail at first and are asked for once more.
	Patience []string
	Tickets  []Crawled // every ticket of the fleet
	// Kills is how many times a crawl lost its crawler, or its crawler the data plane
	// for good.
	Kills int
}

// uncommitted is what a crawl may have fetched and not stored: a batch on its way and one
// that is being filled meanwhile, of 32 pages each.
const uncommitted = 2 * 32

// Check judges a fleet that has come to rest, and prints the counts.
func Check(t *testing.T, f *Fleet, e Evidence) {
	t.Helper()
	ctx := t.Context()
	assert.NoError(t, f.audit(ctx), "the books")
	left, err := f.Crawlers()
	require.NoError(t, err)
	assert.Empty(t, left, "an orphan in the process table")
	checkTickets(t, f, e.Tickets)
	pages := 0
	for _, c := range e.Tickets {
		pages += checkPages(t, e, c)
	}
	again := checkRequests(t, e)
	t.Logf("%d tickets with %d pages; %d requests, %d of them again after %d losses",
		len(e.Tickets), pages, len(e.Log), again, e.Kills)
}

// checkTickets wants every ticket once, ended, and no other.
func checkTickets(t *testing.T, f *Fleet, tickets []Crawled) {
	t.Helper()
	rows, err := endings(t.Context(), filepath.Join(f.DataDir(), "control.db"))
	require.NoError(t, err)
	for _, c := range tickets {
		id := string(c.ID) + "/" + string(c.Name)
		outcomes := rows[id]
		delete(rows, id)
		if !assert.Len(t, outcomes, 1, "rows of ticket %s", id) {
			continue
		}
		if c.Outcome == "" {
			assert.NotEmpty(t, outcomes[0], "the outcome of ticket %s", id)
			continue
		}
		assert.Equal(t, string(c.Outcome), outcomes[0], "the outcome of ticket %s", id)
	}
	assert.Empty(t, rows, "tickets that nobody submitted")
}

// endings reads the outcomes of all tickets, by tenant and id.
func endings(ctx context.Context, path string) (all map[string][]string, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT tenant || '/' || ticket, outcome FROM tickets`)
	if err != nil {
		return nil, fmt.Errorf("read the tickets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close(), rows.Err()) }()
	all = map[string][]string{}
	for rows.Next() {
		var id, outcome string
		if err := rows.Scan(&id, &outcome); err != nil {
			return nil, err
		}
		all[id] = append(all[id], outcome)
	}
	return all, nil
}

// checkPages wants every page and file of the truth stored once and no other, and gives
// how many are.
func checkPages(t *testing.T, e Evidence, c Crawled) int {
	t.Helper()
	count := map[string]int{}
	for _, p := range c.Pages() {
		if p.Outcome == fleet.PageFetched {
			count[e.Key(p.URL)]++
		}
	}
	stored := len(count)
	var missing, doubled []string
	for _, url := range slices.Concat(e.Truth.Pages, e.Truth.Files) {
		switch n := count[url]; {
		case n == 0:
			missing = append(missing, url)
		case n > 1:
			doubled = append(doubled, url)
		}
		delete(count, url)
	}
	if !c.Part {
		assert.Empty(t, few(missing), "%s: %d pages are not stored", c.Name, len(missing))
	}
	assert.Empty(t, few(doubled), "%s: %d pages are stored twice", c.Name, len(doubled))
	assert.Empty(t, few(slices.Sorted(maps.Keys(count))), "%s: stored and no page of the site", c.Name)
	return stored
}

// checkRequests bounds what the site was asked for again, and gives how many that were.
func checkRequests(t *testing.T, e Evidence) int {
	t.Helper()
	count := map[string]int{}
	for _, r := range e.Log {
		if r.Path != "/robots.txt" { // each crawler asks for it anew
			count[r.URL()]++
		}
	}
	for _, url := range e.Patience {
		count[url]--
	}
	again := 0
	var more []string
	for url, n := range count {
		if extra := n - len(e.Tickets); extra > 0 {
			again += extra
			more = append(more, url)
		}
	}
	assert.LessOrEqual(t, again, e.Kills*(fleet.DefaultConcurrency+uncommitted), "requests again: %s", few(more))
	for _, url := range e.Truth.Requested() {
		delete(count, url)
	}
	assert.Empty(t, few(slices.Sorted(maps.Keys(count))), "requests for what is out of bounds")
	return again
}

// few names the first of many, as a line.
func few(urls []string) string {
	const enough = 4
	return strings.Join(urls[:min(len(urls), enough)], ", ")
}
