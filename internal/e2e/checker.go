package e2e

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// Crawled is a ticket that was submitted, with what it has to have come to.
type Crawled struct {
	Tenant fleet.TenantID
	Ticket fleet.TicketID
	// Outcome it ended with; empty for any.
	Outcome fleet.Outcome
	// Part says that it was ended early: it may have stored less, but nothing else.
	Part bool
}

func (c Crawled) id() string { return string(c.Tenant) + "/" + string(c.Ticket) }

// Evidence is all that Judge judges by. Nothing of it is what the fleet believes: the
// site's own log and pages, the rows as they are in the files, the process table.
type Evidence struct {
	Log   []sample.Request // of the one site that all tickets crawl
	Truth sample.Truth     // of that site, for each ticket
	// Key gives the one spelling of a URL.
	Key func(url string) string
	// Patience names the URLs that fail at first and are asked for once more.
	Patience []string
	Tickets  []Crawled // every ticket of the fleet, but those of deleted tenants
	// Kills is how many times a crawl lost its crawler, or its crawler the data plane
	// for good.
	Kills int
	// Held is how many URLs the crawls that lost the data plane held at that moment: they fetch
	// them all, and store none.
	Held int
	// Alive is when each crawler was last seen in the process table, where somebody looked.
	Alive map[fleet.GUID]time.Time
	// First is how long after each restart the first ticket was served.
	First []time.Duration
}

// Verdict is what Judge found: the counts, and everything that is wrong.
type Verdict struct {
	Tickets, Pages, Requests, Again, Kills  int
	Unaccepted                              int // of the tickets: cancelled before they were accepted
	Tenants, Crawlers, Buried, Bills, Lines int
	First                                   []time.Duration
	Wrong                                   []string
}

const (
	// uncommitted is what a crawl may have fetched and not stored: a batch on its way and one
	// that is being filled meanwhile, of 32 pages each.
	uncommitted = 2 * 32
	// firstWithin is how long after a restart the first ticket may take to be served.
	firstWithin = 25 * time.Second
)

// String is the counts, for people.
func (v Verdict) String() string {
	text := fmt.Sprintf("%d tickets of %d tenants with %d pages; %d requests, %d of them again after %d losses; "+
		"%d crawlers, %d of them buried; %d bills of %d ledger lines",
		v.Tickets, v.Tenants, v.Pages, v.Requests, v.Again, v.Kills, v.Crawlers, v.Buried, v.Bills, v.Lines)
	if v.Unaccepted > 0 {
		text += fmt.Sprintf("; %d tickets cancelled before they were accepted", v.Unaccepted)
	}
	if len(v.First) > 0 {
		text += fmt.Sprintf("; the first ticket %s after a restart at worst (of %d)",
			slices.Max(v.First).Round(time.Millisecond), len(v.First))
	}
	return text
}

func (v *Verdict) wrong(format string, args ...any) {
	v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...))
}

// Check judges a fleet that has come to rest, prints the counts and fails the test for
// whatever is wrong.
func Check(t *testing.T, f *Fleet, e Evidence) {
	t.Helper()
	v, err := f.Judge(t.Context(), e)
	assert.NoError(t, err)
	t.Log(v)
	for _, wrong := range v.Wrong {
		t.Error(wrong)
	}
}

// Judge judges a fleet that has come to rest. Its error is that it could not be judged.
func (f *Fleet) Judge(ctx context.Context, e Evidence) (Verdict, error) {
	v := Verdict{Tickets: len(e.Tickets), Requests: len(e.Log), Kills: e.Kills, First: e.First}
	if err := f.audit(ctx); err != nil {
		v.wrong("the books: %v", err)
	}
	left, err := f.Processes()
	if err != nil {
		return v, err
	}
	for _, p := range left {
		if p.GUID != "" {
			v.wrong("an orphan in the process table: %s", strings.Join(p.Args, " "))
		}
	}
	r, err := readRows(ctx, filepath.Join(f.DataDir(), "control.db"))
	if err != nil {
		return v, err
	}
	v.Tenants, v.Crawlers, v.Bills, v.Lines = r.tenants, r.crawlers, r.bills, r.lines
	never, err := f.unaccepted(ctx, r.outcomes, e.Tickets)
	if err != nil {
		return v, err
	}
	v.Unaccepted = len(never)
	v.tickets(r.outcomes, e.Tickets, never)
	v.burials(r.burials, e.Alive)
	for _, c := range e.Tickets {
		pages, err := f.pages(ctx, c.Tenant, c.Ticket)
		if err != nil {
			return v, err
		}
		v.pages(e, c, pages)
		if never[c.id()] && len(pages) > 0 {
			v.wrong("ticket %s was never accepted and has %d pages", c.id(), len(pages))
		}
	}
	v.requests(e)
	for _, d := range e.First {
		if d > firstWithin {
			v.wrong("the first ticket was served %s after a restart, not within %s", d, firstWithin)
		}
	}
	return v, nil
}

// tickets wants every ticket once, ended, and no other; those never accepted have no row.
func (v *Verdict) tickets(rows map[string][]string, tickets []Crawled, never map[string]bool) {
	for _, c := range tickets {
		id := c.id()
		outcomes := rows[id]
		delete(rows, id)
		switch {
		case never[id]:
		case len(outcomes) != 1:
			v.wrong("ticket %s has %d rows", id, len(outcomes))
		case outcomes[0] == "":
			v.wrong("ticket %s has not ended", id)
		case c.Outcome != "" && outcomes[0] != string(c.Outcome):
			v.wrong("ticket %s ended as %s, not as %s", id, outcomes[0], c.Outcome)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		v.wrong("ticket %s was submitted by nobody", id)
	}
}

// buriedLate is how much later than a burial a process may have been seen: it was dying.
const buriedLate = 500 * time.Millisecond

// burials wants no crawler given up that lived on.
func (v *Verdict) burials(all []burial, alive map[fleet.GUID]time.Time) {
	v.Buried = len(all)
	for _, b := range all {
		if late := alive[b.guid].Sub(b.at); late > buriedLate {
			v.wrong("crawler %s was buried (%s) and lived on for %s", b.guid, b.reason, late)
		}
	}
}

// pages wants every page and file of the truth stored once and no other.
func (v *Verdict) pages(e Evidence, c Crawled, rows []fleet.PageRow) {
	count := map[string]int{}
	for _, p := range rows {
		if p.Outcome == fleet.PageFetched {
			count[e.Key(p.URL)]++
		}
	}
	v.Pages += len(count)
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
	if len(missing) > 0 && !c.Part {
		v.wrong("%s: %d pages are not stored: %s", c.Ticket, len(missing), few(missing))
	}
	if len(doubled) > 0 {
		v.wrong("%s: %d pages are stored twice: %s", c.Ticket, len(doubled), few(doubled))
	}
	if len(count) > 0 {
		v.wrong("%s: stored and no page of the site: %s", c.Ticket, few(slices.Sorted(maps.Keys(count))))
	}
}

// requests bounds what the site was asked for again.
func (v *Verdict) requests(e Evidence) {
	count := map[string]int{}
	for _, r := range e.Log {
		if r.Path != "/robots.txt" { // each crawler asks for it anew
			count[r.URL()]++
		}
	}
	for _, url := range e.Patience {
		count[url]--
	}
	var more []string
	for url, n := range count {
		if extra := n - len(e.Tickets); extra > 0 {
			v.Again += extra
			more = append(more, url)
		}
	}
	if most := e.Kills*(fleet.DefaultConcurrency+uncommitted) + e.Held; v.Again > most {
		v.wrong("%d requests again, more than the %d that were in flight: %s", v.Again, most, few(more))
	}
	for _, url := range e.Truth.Requested() {
		delete(count, url)
	}
	if len(count) > 0 {
		v.wrong("requests for what is out of bounds: %s", few(slices.Sorted(maps.Keys(count))))
	}
}

// KeyOf gives the one spelling of a bundled site's URLs.
func KeyOf(s *sample.Site) func(url string) string {
	return func(url string) string {
		if p, ok := s.Page(url); ok {
			return p.URL
		}
		url, _, _ = strings.Cut(url, "#")
		return url
	}
}

// few names the first of many, as a line.
func few(urls []string) string {
	const enough = 4
	return strings.Join(urls[:min(len(urls), enough)], ", ")
}
