package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// acceptedWithin is when a ticket that is not in the store is worth a question.
const acceptedWithin = 2 * time.Second

// submit sends a ticket to the bundled site: no delay, since the site is ours.
func (d *demo) submit(
	ctx context.Context, id fleet.TicketID, what, seed string, hosts []string, session fleet.SessionKey,
) (*demoTicket, error) {
	var none fleet.Duration
	in := fleet.TicketInput{
		Tenant: d.tenant, ID: id, URLs: []string{seed}, Scope: fleet.Scope{Hosts: hosts},
		Fetch:  fleet.FetchOptions{Delay: &none, Concurrency: fetchers},
		Labels: map[string]string{"demo": "true"},
	}
	if session != "" {
		in.Session = &fleet.Session{Key: session}
	}
	return d.send(ctx, in, what)
}

func (d *demo) send(ctx context.Context, in fleet.TicketInput, what string) (*demoTicket, error) {
	t := &demoTicket{in: in, what: what, at: time.Now()}
	var err error
	if t.started, err = d.steer.StartTicket(ctx, in); err != nil {
		return nil, err
	}
	d.tickets = append(d.tickets, t)
	return t, nil
}

// awaitEnd waits until the rows of tickets say that they have ended, and shows how far
// they are.
func (d *demo) awaitEnd(ctx context.Context, tickets ...*demoTicket) error {
	return await(ctx, "tickets to end", func() (bool, string, error) {
		open, saw := 0, ""
		for _, t := range tickets {
			row, err := d.control.Ticket(ctx, d.tenant, t.in.ID)
			if hasCode(err, fleet.CodeNotFound) { // accepted a moment later, or refused
				err = d.refusal(ctx, t)
			}
			if err != nil {
				return false, "", err
			}
			if t.row = row; row.State == fleet.TicketEnded && row.Result != nil {
				continue
			}
			open++
			saw = fmt.Sprintf("%s %s", t.in.ID, orNone(string(row.State)))
			if row.Wait != nil {
				saw += ": " + row.Wait.Message
			}
		}
		d.glance(ctx, tickets)
		return open == 0, saw, nil
	})
}

// refusal is why a ticket is not in the store although it was sent a while ago: its
// workflow has ended with an error. Nothing is judged by it; it spares the wait.
func (d *demo) refusal(ctx context.Context, t *demoTicket) error {
	if time.Since(t.at) < acceptedWithin {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, acceptedWithin)
	defer cancel()
	_, err := d.steer.WaitTicket(asking, t.started.WorkflowID, t.started.RunID)
	if asking.Err() != nil {
		return nil
	}
	return err
}

// glance shows the counters of tickets on a terminal.
func (d *demo) glance(ctx context.Context, tickets []*demoTicket) {
	if !d.screen.live {
		return
	}
	var sum fleet.Counters
	for _, t := range tickets {
		c, _, err := d.tenants.Progress(ctx, d.tenant, t.in.ID)
		if err != nil { // not claimed yet, and nothing depends on it
			continue
		}
		sum.Discovered += c.Discovered
		sum.Queued += c.Queued
		sum.InFlight += c.InFlight
		sum.Fetched += c.Fetched
		sum.Redirected += c.Redirected
		sum.Failed += c.Failed
		sum.Skipped += c.Skipped
		sum.NotModified += c.NotModified
		sum.Blocked += c.Blocked
	}
	d.screen.status("%d of %d URLs: %d fetched + %d redirected + %d failed + %d skipped",
		sum.Done(), sum.Discovered, sum.Fetched, sum.Redirected, sum.Failed, sum.Skipped)
}

// stored reads all pages of a ticket.
func (d *demo) stored(ctx context.Context, t *demoTicket) ([]fleet.PageRow, error) {
	const some = 1000 // rows at a time
	var all []fleet.PageRow
	for after := int64(0); ; {
		pages, err := d.tenants.Pages(ctx, d.tenant, t.in.ID, after, some)
		if err != nil {
			return nil, err
		}
		if len(pages) == 0 {
			return all, nil
		}
		all = append(all, pages...)
		after = pages[len(pages)-1].Seq
	}
}

// judgeStored holds the rows and the results of tickets against the truth.
func (d *demo) judgeStored(ctx context.Context, r *actReport, truth sample.Truth, tickets ...*demoTicket) error {
	for _, t := range tickets {
		stored, err := d.stored(ctx, t)
		if err != nil {
			return err
		}
		r.check(judgeEnd(t.row)...)
		r.check(judgePages(t.in.ID, truth, stored, keyOf(d.site))...)
	}
	return nil
}

// crawlerOf reads the first crawler that served a ticket.
func (d *demo) crawlerOf(ctx context.Context, t *demoTicket) (fleet.CrawlerRow, error) {
	if t.row.Result == nil || len(t.row.Result.Crawlers) == 0 {
		return fleet.CrawlerRow{}, fleet.Errorf(fleet.CodeNotFound, fmt.Sprintf("no crawler has served %s", t.in.ID))
	}
	return d.control.Crawler(ctx, t.row.Result.Crawlers[0])
}

// phase is a moment of a cold start.
type phase struct {
	name string
	at   time.Time
}

// coldPhases are the moments from the request to the first page at the site.
func coldPhases(row fleet.TicketRow, c fleet.CrawlerRow, first time.Time) []phase {
	return []phase{
		{"routed", row.Times.Accepted},
		{"decided", c.Times.Reserved},
		{"launch accepted", c.Times.Launched},
		{"main", c.Times.Main},
		{"dialed", c.Times.Dialed},
		{"hello", c.Times.Serving},
		{"first page", first},
	}
}

// phases renders what each phase took, in the order of time: they add up to the whole.
// The crawler's first instruction may come before the word that it was launched.
func phases(from time.Time, all []phase) string {
	all = slices.DeleteFunc(slices.Clone(all), func(p phase) bool { return p.at.IsZero() })
	slices.SortStableFunc(all, func(a, b phase) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	parts := make([]string, len(all))
	for i, p := range all {
		parts[i] = p.name + " " + span(max(p.at.Sub(from), 0))
		from = p.at
	}
	return strings.Join(parts, " + ")
}
