package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// drill is a fleet of its own with a site of its own, on which something is killed.
type drill struct {
	*Fleet
	t       *testing.T
	site    *sample.Site
	tickets []Crawled
	losses  int // of crawls
}

// newDrill starts both. Each answer of the site takes delay, until it is hurried.
func newDrill(t *testing.T, o Options, delay time.Duration) *drill {
	t.Helper()
	return &drill{Fleet: own(t, o), t: t, site: site(t, sample.Options{PageDelay: delay})}
}

// crashing is a drill whose control worker can be made to die at a certain call.
func crashing(t *testing.T, o Options, delay time.Duration) *drill {
	t.Helper()
	p := the.programs
	var err error
	p.Crawlfleet, err = crashpoints()
	require.NoError(t, err)
	f, err := Start(t.Context(), p, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close(context.Background())) })
	return &drill{Fleet: f, t: t, site: site(t, sample.Options{PageDelay: delay})}
}

// crashpoints builds the command line with its crash points, once, beside the real one.
var crashpoints = sync.OnceValues(func() (string, error) {
	out := filepath.Join(filepath.Dir(the.programs.Crawlfleet), "crawlfleet-crashpoints")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-trimpath", "-ldflags", "-s -w",
		"-o", out, "./starter/crawlfleet")
	build.Dir = the.programs.Root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build with crash points: %w\n%s", err, said)
	}
	return out, nil
})

// dieAt has the control worker kill itself at a call, once: "after Intend" with the
// ticket, tenant or GUID that the call is about, or * for any.
func (d *drill) dieAt(call, subject string) {
	d.t.Helper()
	fresh := filepath.Join(d.DataDir(), "crash.new")
	require.NoError(d.t, os.WriteFile(fresh, []byte(call+" "+subject), 0o600))
	require.NoError(d.t, os.Rename(fresh, strings.TrimSuffix(fresh, ".new")))
}

// died waits for the end that dieAt asked for, and starts the worker again.
func (d *drill) died(what string) {
	d.t.Helper()
	Await(d.t, "the worker to die "+what, func() (bool, string) {
		return !d.Worker.Running(), "it runs; open: " + d.open()
	})
	require.NoFileExists(d.t, filepath.Join(d.DataDir(), "crash"), "it died of something else:\n"+d.Worker.tail())
	require.NoError(d.t, d.StartWorker())
}

// open tells of the tickets that have not ended, with what was decided about them.
func (d *drill) open() string {
	var out strings.Builder
	for _, c := range d.tickets {
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
	for i, c := range d.tickets {
		if c.ID == k.ID && c.Name == k.Name {
			d.tickets = append(d.tickets[:i], d.tickets[i+1:]...)
			break
		}
	}
	d.tickets = append(d.tickets, Crawled{Ticket: k, Outcome: o, Part: o != fleet.OutcomeDone})
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
			d.losses += row.Leased
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
		live, err := d.Control.AllCrawlers(d.t.Context(), "", false)
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
		Log: d.site.Log(), Truth: truth, Tickets: d.tickets, Kills: d.losses,
		Patience: []string{d.site.ShopURL(sample.FlakyPath)},
		Key: func(url string) string {
			if p, ok := d.site.Page(url); ok {
				return p.URL
			}
			url, _, _ = strings.Cut(url, "#")
			return url
		},
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
