package main

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// visitPages is enough to see a crawl and little for any site.
const visitPages = 50

// visit crawls a stranger's site at the default pace.
func (d *demo) visit(ctx context.Context, r *actReport) error {
	in := fleet.TicketInput{
		Tenant: d.tenant, ID: "visit", URLs: []string{d.o.url}, Scope: fleet.Scope{MaxPages: visitPages},
	}
	t, err := d.send(ctx, in, "a polite visit")
	if err != nil {
		return err
	}
	if err := d.awaitEnd(ctx, t); err != nil {
		return err
	}
	stored, err := d.stored(ctx, t)
	if err != nil {
		return err
	}
	if crawler, err := d.crawlerOf(ctx, t); err == nil && len(stored) > 0 {
		first := earliest(stored)
		t.start = "cold " + span(first.Sub(t.at))
		r.say("cold start in %s: %s", span(first.Sub(t.at)), phases(t.at, coldPhases(t.row, crawler, first)))
	}
	if t.row.Result != nil {
		r.say("%s in %s: %s", t.row.Result.Outcome, span(t.row.Times.Ended.Sub(t.at)), counters(t.row.Result.Counters))
	}
	r.check(judgeVisit(t.row, stored)...)
	r.check(judgePace(stored, fleet.DefaultDelay)...)
	return nil
}

func earliest(stored []fleet.PageRow) (first time.Time) {
	for _, p := range stored {
		// Zero where robots.txt forbids it.
		if asked := p.FetchedAt; !asked.IsZero() && (first.IsZero() || asked.Before(first)) {
			first = asked
		}
	}
	return first
}

// rest waits until nothing runs, and adds up the bills.
func (d *demo) rest(ctx context.Context, r *actReport) error {
	d.screen.status("waiting for the crawlers to be idle for %s", demoIdle)
	if err := d.awaitProcesses(ctx, 0); err != nil {
		return err
	}
	idle := time.Since(d.lastEnd())
	bills, err := d.awaitBills(ctx)
	if err != nil {
		return err
	}
	lines := 0
	var total fleet.Money
	for _, b := range bills {
		lines += len(b.Lines)
		if total, err = total.Add(b.Total); err != nil {
			return err
		}
	}
	for i, t := range d.tickets {
		row, err := d.control.Ticket(ctx, d.tenant, t.in.ID)
		if err != nil {
			return err
		}
		if row.Result == nil {
			r.check(finding{fmt.Sprintf("%s ended", t.in.ID), string(row.State)})
			continue
		}
		r.check(judgeBill(bills[i], row.Result.Bill)...)
	}
	proof, err := d.control.Bill(ctx, d.tenant, "") // what no ticket pays: the proof of provisioning
	if err != nil && !hasCode(err, fleet.CodeNotFound) {
		return err
	}
	costs, err := d.control.Costs(ctx, d.began.Add(-time.Hour)) // the demo's whole life, whatever the clocks
	if err != nil {
		return err
	}
	r.check(judgeTotal(costs, d.tenant, append(bills, proof))...)
	r.say("no crawler runs %s after the last ticket's end (idle time %s, then its stop)", span(idle), demoIdle)
	r.say("tickets cost %s, the sum of %d ledger lines; the proof of provisioning %s", total, lines, proof.Total)
	return nil
}

// awaitBills waits until the books of all crawlers are closed.
func (d *demo) awaitBills(ctx context.Context) ([]fleet.Bill, error) {
	bills := make([]fleet.Bill, len(d.tickets))
	return bills, await(ctx, "final bills", func() (bool, string, error) {
		for i, t := range d.tickets {
			b, err := d.control.Bill(ctx, d.tenant, t.in.ID)
			if err != nil || !b.Final {
				return false, fmt.Sprintf("an open bill of %s", t.in.ID), err
			}
			bills[i] = b
		}
		return true, "", nil
	})
}

// lastEnd is when the last ticket ended.
func (d *demo) lastEnd() (last time.Time) {
	for _, t := range d.tickets {
		if end := t.row.Times.Ended; end.After(last) {
			last = end
		}
	}
	return last
}
