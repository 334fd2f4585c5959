package main

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

const (
	// crowd is more than one crawler's slots, and fewer than two's.
	crowd = 6
	// crowdDelay makes each ticket of the crowd last ten seconds, until a second crawler
	// has been seen; then the site is quick again.
	crowdDelay = 250 * time.Millisecond
	// killDelay spreads a crawl over four seconds, so that there is a middle to kill in.
	killDelay = 100 * time.Millisecond
	// killAfter is how many requests the site has answered when the kill comes.
	killAfter = 80
	// fetchers is a ticket's concurrency, said in its input so that it cannot drift.
	fetchers = 8
	// batch is the most pages that a crawler sends at a time. Two of them can be fetched
	// and not stored: the one that is on its way and the one that is being filled.
	batch = 32
)

// six runs more tickets than one crawler has slots for.
func (d *demo) six(ctx context.Context, r *actReport) error {
	d.site.SetPageDelay(crowdDelay)
	defer d.site.SetPageDelay(0)
	mark := len(d.site.Log())
	tickets := make([]*demoTicket, crowd)
	for i := range tickets {
		var err error
		id := fleet.TicketID(fmt.Sprintf("six-%d", i+1))
		if tickets[i], err = d.submit(ctx, id, "one of six", d.site.URL(), d.site.Hosts(), ""); err != nil {
			return err
		}
	}
	second, err := d.awaitSecond(ctx, mark, tickets)
	if err != nil {
		return err
	}
	d.site.SetPageDelay(0)
	if err := d.awaitEnd(ctx, tickets...); err != nil {
		return err
	}
	log := d.site.Log()[mark:]
	pages := 0
	for _, t := range tickets {
		t.start = waited(t)
		pages += int(t.row.Result.Counters.Fetched)
	}
	r.say("six tickets, %d pages, from %d addresses; the second crawler served after %s", pages,
		len(sources(log)), span(second.Sub(tickets[0].at)))
	why, err := d.why(ctx, tickets)
	if err != nil {
		return err
	}
	r.say("explain: %s", orNone(why))
	if why == "" {
		r.check(finding{"a decision that says why a second crawler was started", "none"})
	}
	running, err := d.processes(ctx)
	if err != nil {
		return err
	}
	r.check(judgeProcesses("after the six", 2, running)...)
	if d.ownAddresses() {
		r.check(judgeSpread(log, 2)...)
	}
	return d.judgeStored(ctx, r, d.truth(), tickets...)
}

// awaitSecond waits until two crawlers are in the process table and the site has seen
// both, and gives the moment of the second one's first page.
func (d *demo) awaitSecond(ctx context.Context, mark int, tickets []*demoTicket) (time.Time, error) {
	want := 1
	if d.ownAddresses() {
		want = 2
	}
	err := await(ctx, "two crawlers at work", func() (bool, string, error) {
		running, err := d.processes(ctx)
		saw := sources(d.site.Log()[mark:])
		d.glance(ctx, tickets)
		return len(running) >= 2 && len(saw) >= want && len(d.site.Log()) > mark,
			fmt.Sprintf("%d processes and %d source addresses", len(running), len(saw)), err
	})
	return time.Now(), err
}

// why is the planner's own reason for the second crawler.
func (d *demo) why(ctx context.Context, tickets []*demoTicket) (string, error) {
	for _, t := range tickets {
		decisions, err := d.control.Decisions(ctx, d.tenant, t.in.ID)
		if err != nil {
			return "", err
		}
		for _, one := range decisions {
			if one.Kind == fleet.DecidedStart && one.At.After(tickets[0].at) {
				return one.Reason, nil
			}
		}
	}
	return "", nil
}

// waited is how long a ticket of the crowd was without a slot.
func waited(t *demoTicket) string {
	wait := t.row.Times.Leased.Sub(t.at)
	return "slot after " + span(wait)
}

// kill ends a crawler with SIGKILL in the middle of a crawl.
func (d *demo) kill(ctx context.Context, r *actReport) error {
	d.site.SetPageDelay(killDelay)
	defer d.site.SetPageDelay(0)
	mark := len(d.site.Log())
	t, err := d.submit(ctx, "survivor", "its crawler killed", d.site.URL(), d.site.Hosts(), "")
	if err != nil {
		return err
	}
	victim, address, err := d.victim(ctx, t, mark)
	if err != nil {
		return err
	}
	answered := len(d.site.Log()) - mark
	killed := time.Now()
	if err := d.killProcess(ctx, victim); err != nil {
		return fmt.Errorf("kill process %d: %w", victim.PID, err)
	}
	if err := d.awaitEnd(ctx, t); err != nil {
		return err
	}
	log := d.site.Log()[mark:]
	stored, err := d.stored(ctx, t)
	if err != nil {
		return err
	}
	n, _ := refetched(log)
	again := resumed(stored, victim.GUID, killed).Sub(killed)
	held := int(t.row.Result.Counters.Refetched)
	t.start = "resumed after " + span(again)
	r.say("process %d killed by signal 9 after %d pages, resumed %s later on another crawler", victim.PID, answered,
		span(again))
	r.say("all %d pages there, none stored twice, %d fetched again of the %d that it held",
		len(d.truth().Pages), n, held)
	running, err := d.processes(ctx)
	if err != nil {
		return err
	}
	r.check(judgeVictim(victim, running)...)
	r.check(judgeResumed(stored, victim.GUID)...)
	r.check(judgeRefetched(log, min(held, fetchers+2*batch))...)
	if d.ownAddresses() {
		r.check(judgeMoved(log, address, killed)...)
	}
	return d.judgeStored(ctx, r, d.truth(), t)
}

// victim waits for the middle of the crawl and gives the process that does it, with the
// address that it has by the store.
func (d *demo) victim(ctx context.Context, t *demoTicket, mark int) (machineProcess, string, error) {
	err := await(ctx, fmt.Sprintf("%d pages", killAfter), func() (bool, string, error) {
		n := len(d.site.Log()) - mark
		d.glance(ctx, []*demoTicket{t})
		return n >= killAfter, fmt.Sprintf("%d", n), nil
	})
	if err != nil {
		return machineProcess{}, "", err
	}
	row, err := d.control.Ticket(ctx, d.tenant, t.in.ID)
	if err != nil {
		return machineProcess{}, "", err
	}
	running, err := d.processes(ctx)
	if err != nil {
		return machineProcess{}, "", err
	}
	for _, p := range running {
		if row.Lease != nil && p.GUID == row.Lease.GUID {
			return p, row.Lease.Address, nil
		}
	}
	return machineProcess{}, "", fleet.Errorf(fleet.CodeNotFound,
		fmt.Sprintf("no process of the crawler of %s, which is %s", t.in.ID, row.State))
}

// resumed is when the first page was asked for by another crawler, which the store keeps
// with each page; the moment of the kill when none was.
func resumed(stored []fleet.PageRow, victim fleet.GUID, killed time.Time) time.Time {
	first := time.Time{}
	for _, p := range stored {
		asked := p.FetchedAt // zero where robots.txt forbids it
		if p.GUID != victim && !asked.IsZero() && (first.IsZero() || asked.Before(first)) {
			first = asked
		}
	}
	if first.IsZero() {
		return killed
	}
	return first
}

// ownAddresses reports whether this machine gives each crawler a source address. Where
// it has one loopback address they share it, and addresses tell nothing.
func (d *demo) ownAddresses() bool {
	for _, o := range offerings(d.cfg) {
		if o.Egress != fleet.EgressOwn {
			return false
		}
	}
	return true
}

// truth is what every crawl of the whole bundled site has to come to.
func (d *demo) truth() sample.Truth {
	truth, err := d.site.Truth(sample.Scope{})
	if err != nil {
		panic("demo: the bundled site has no truth: " + err.Error()) // its scope is bounded by robots.txt
	}
	return truth
}
