package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/crashpoint"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// slowly is how long the site takes for a page where crawls must not end by themselves while
// something is killed and comes back: 300 pages, eight at a time, in 40 s. judge hurries it.
const slowly = time.Second

// drill is a fleet of its own with a site of its own, on which something is killed.
type drill struct {
	*Fleet
	t       *testing.T
	site    *sample.Site
	witness *Witness

	mu      sync.Mutex // guards what follows
	tickets []expected
	losses  int // of crawls
	held    int // URLs of crawls that lost the data plane
}

// expected is a ticket with what it has to have come to.
type expected struct {
	*Ticket
	as Crawled
}

// newDrill starts both. Each answer of the site takes delay, until it is hurried.
func newDrill(t *testing.T, o Options, delay time.Duration) *drill {
	t.Helper()
	return drillOn(t, own(t, o), delay)
}

func drillOn(t *testing.T, f *Fleet, delay time.Duration) *drill {
	t.Helper()
	return &drill{
		Fleet: f, t: t, site: site(t, sample.Options{PageDelay: delay}), witness: f.Watch(t.Context()),
	}
}

// points is where the programs of a crashing build look for crash points.
func (d *drill) points() crashpoint.Folder {
	return crashpoint.Folder(filepath.Join(d.DataDir(), "crash"))
}

// arm has whoever comes to a crash point die there, once: "before Hello acme".
func (d *drill) arm(point string) {
	d.t.Helper()
	p, err := crashpoint.Parse(point)
	require.NoError(d.t, err)
	require.NoError(d.t, d.points().Arm(p))
}

// forget takes a ticket from the checker's list: its rows are erased with its tenant.
func (d *drill) forget(k *Ticket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = slices.DeleteFunc(d.tickets, func(e expected) bool { return e.ID == k.ID && e.Name == k.Name })
}

// open tells of the tickets that have not ended, with what was decided about them.
func (d *drill) open() string {
	var out strings.Builder
	d.mu.Lock()
	tickets := slices.Clone(d.tickets)
	d.mu.Unlock()
	for _, c := range tickets {
		row, err := d.Control.Ticket(d.t.Context(), c.ID, c.Name)
		if err == nil && row.State == fleet.TicketEnded {
			continue
		}
		fmt.Fprintf(&out, "\n%s %v", show(row), err)
		decisions, _ := d.Control.Decisions(d.t.Context(), c.ID, c.Name)
		for _, r := range decisions {
			fmt.Fprintf(&out, "\n  %s %s %s %s", r.At.Format("15:04:05.000"), r.GUID, r.Kind, r.Reason)
		}
	}
	return out.String()
}

// crawl submits a crawl of the whole site.
func (d *drill) crawl(a *Tenant, id fleet.TicketID, edits ...func(*fleet.TicketInput)) *Ticket {
	d.t.Helper()
	k := a.Submit(d.input(id, edits...))
	d.expect(k, fleet.OutcomeDone)
	return k
}

func (d *drill) input(id fleet.TicketID, edits ...func(*fleet.TicketInput)) fleet.TicketInput {
	in := fleet.TicketInput{
		ID: id, URLs: []string{d.site.URL()}, Scope: fleet.Scope{Hosts: d.site.Hosts()},
	}
	for _, edit := range edits {
		edit(&in)
	}
	return in
}

// expect notes a ticket for the checker. One that ends otherwise than done has stored a part.
func (d *drill) expect(k *Ticket, o fleet.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = slices.DeleteFunc(d.tickets, func(e expected) bool { return e.ID == k.ID && e.Name == k.Name })
	d.tickets = append(d.tickets, expected{k, Crawled{
		Tenant: k.ID, Ticket: k.Name, Outcome: o, Part: o != fleet.OutcomeDone,
	}})
}

// lose notes that so many crawls lost their crawler.
func (d *drill) lose(crawls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.losses += crawls
}

// starve notes that so many crawls, of the default concurrency, lose the data plane for good.
func (d *drill) starve(crawls int) {
	const window = 48 // URLs of each host that such a crawl holds (crawler.leastWindow)
	d.lose(crawls)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held += crawls * window * len(d.site.Hosts())
}

// crawled is what the checker is told of the tickets.
func (d *drill) crawled() (all []Crawled) {
	for _, k := range d.tickets {
		all = append(all, k.as)
	}
	return all
}

func inSession(key fleet.SessionKey, policy fleet.LossPolicy) func(*fleet.TicketInput) {
	return func(in *fleet.TicketInput) { in.Session = &fleet.Session{Key: key, OnLoss: policy} }
}

// awaitRequests waits until the site has been asked n times more than now.
func (d *drill) awaitRequests(n int) {
	d.t.Helper()
	n += len(d.site.Log())
	Await(d.t, fmt.Sprintf("%d requests in all", n), func() (bool, string) {
		asked := len(d.site.Log())
		return asked >= n, fmt.Sprintf("%d requests", asked)
	})
}

// killCrawlerOf kills the process that a ticket is crawled by, whose leases are lost
// with it, and gives the moment and its address.
func (d *drill) killCrawlerOf(k *Ticket) (time.Time, string) {
	d.t.Helper()
	row, err := d.Control.Crawler(d.t.Context(), k.Leased().GUID)
	require.NoError(d.t, err)
	for _, p := range k.Processes() {
		if p.GUID == row.GUID {
			d.lose(row.Leased)
			at := time.Now()
			Kill(p.PID)
			return at, row.Address
		}
	}
	require.Fail(d.t, "the crawler is not in the process table", show(row))
	return time.Time{}, ""
}

// awaitResumed waits for the first request after a kill from another process than the
// killed one, and gives how long it took. Where sources are given they are the killed
// one's, unless a session asks for the same address again.
func (d *drill) awaitResumed(at time.Time, killed ...string) time.Duration {
	d.t.Helper()
	var first time.Duration
	Await(d.t, "the crawl to go on", func() (bool, string) {
		for _, r := range d.site.Log() {
			if r.Time.After(at) && !slices.Contains(killed, r.Source) {
				first = r.Time.Sub(at)
				return true, ""
			}
		}
		return false, fmt.Sprintf("%d requests", len(d.site.Log()))
	})
	return first.Round(time.Millisecond)
}

// rest waits until nothing is left to do: no open ticket, no crawler, closed books.
func (d *drill) rest() {
	d.t.Helper()
	for _, c := range d.tickets {
		c.End()
	}
	Await(d.t, "the fleet to come to rest", func() (bool, string) {
		live, err := d.Control.Crawlers(d.t.Context(), "")
		if err != nil {
			return false, err.Error()
		}
		running, err := d.Crawlers()
		if err != nil || len(live)+len(running) > 0 {
			return false, fmt.Sprintf("rows %s, processes %+v, %v", show(live), running, err)
		}
		err = d.audit(d.t.Context())
		return err == nil, fmt.Sprint(err)
	})
}

// judge lets the site answer at once, waits for rest and checks.
func (d *drill) judge() {
	d.t.Helper()
	d.site.SetPageDelay(0)
	began := time.Now()
	d.rest()
	d.t.Logf("at rest %s after the last event", time.Since(began).Round(time.Millisecond))
	truth, err := d.site.Truth(sample.Scope{})
	require.NoError(d.t, err)
	Check(d.t, d.Fleet, Evidence{
		Log: d.site.Log(), Truth: truth, Tickets: d.crawled(), Kills: d.losses, Held: d.held,
		Alive:    d.witness.Alive(),
		Patience: []string{d.site.ShopURL(sample.FlakyPath)},
		Key:      KeyOf(d.site),
	})
}

// buried gives the reasons of all burials.
func (d *drill) buried(a *Tenant) (reasons []string) {
	d.t.Helper()
	for _, c := range a.Crawlers(true) {
		if c.State == fleet.CrawlerGone && !strings.Contains(c.Reason, "idle") {
			reasons = append(reasons, c.Reason)
		}
	}
	return reasons
}
