package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/workers"
)

// waitWarn is how long a ticket may wait before somebody should ask why: its own timer
// asks anew within 15 min.
const waitWarn = 15 * time.Minute

// youngCrawler is the age at which a crawler has said Hello or was given up.
const youngCrawler = 2 * time.Minute

// stores reads the rows, as they are whether the fleet runs or not.
func (d *doctor) stores(ctx context.Context) {
	const check = "control store"
	r, err := d.app.reader(ctx)
	if err != nil {
		d.broke(check, err, "crawlfleet dev")
		return
	}
	tenants, err := r.Tenants(ctx)
	if err != nil {
		d.broke(check, err, "crawlfleet restore ARCHIVE --data-dir NEW")
		return
	}
	says := fmt.Sprintf("readable, %d tenants", len(tenants))
	if version, err := store.SchemaOf(ctx, d.dir.Control()); err == nil { // in PostgreSQL there is no file
		says += fmt.Sprintf(", schema %d", version)
		if version != controldb.SchemaVersion() {
			d.warn(check, fmt.Sprintf("%s, and this program's is %d", says, controldb.SchemaVersion()), "crawlfleet dev")
			return
		}
	}
	d.ok(check, says)
	d.places(ctx, r)
	d.waiting(ctx, r)
	if slices.Contains(d.cfg.Providers, process.Kind) {
		d.crawlers(ctx, r)
	}
	d.leftovers(ctx, r)
}

func (d *doctor) places(ctx context.Context, r fleet.Reader) {
	const check = "places"
	all, err := r.Offerings(ctx)
	if err != nil {
		d.broke(check, err, "crawlfleet fleet offerings")
		return
	}
	cooling := 0
	for _, o := range all {
		if o.Cooldown != nil && o.Cooldown.Until.After(d.now) {
			cooling++
			d.warn(check, fmt.Sprintf("%s takes no crawlers until %s: %s", o.ID, moment(o.Cooldown.Until), o.Cooldown.Reason),
				"crawlfleet fleet offerings")
		}
	}
	if cooling == 0 {
		d.ok(check, fmt.Sprintf("%d, none cools down", len(all)))
	}
}

// compareWarn is when a comparison of a running fleet is overdue: some rounds of the reaper.
const compareWarn = 5 * time.Minute

// leftovers tells what the reaper's last comparison with each provider found.
func (d *doctor) leftovers(ctx context.Context, r fleet.Reader) {
	all, err := r.Comparisons(ctx)
	if err != nil {
		d.broke("providers", err, "crawlfleet fleet audit --leftovers")
		return
	}
	for _, kind := range d.cfg.Providers {
		i := slices.IndexFunc(all, func(c fleet.Comparison) bool { return c.Provider == kind })
		if i < 0 {
			all = append(all, fleet.Comparison{Provider: kind})
		}
	}
	for _, c := range all {
		check := "provider " + string(c.Provider)
		const typed = "crawlfleet fleet audit --leftovers"
		switch {
		case c.Error != "":
			d.warn(check, unlisted(c), typed)
		case c.Done.IsZero():
			d.ok(check, "it has not been compared with the rows yet")
		case len(c.Leftovers) > 0:
			d.warn(check, fmt.Sprintf("%d left over, the first: %s", len(c.Leftovers),
				describeLeftover(c.Leftovers[0], d.now)), typed)
		case d.at != nil && d.now.Sub(c.Done) > compareWarn:
			d.warn(check, fmt.Sprintf("compared with the rows last %s ago; the control worker should do that every %s",
				span(d.now.Sub(c.Done)), workers.DefaultListEvery), "crawlfleet fleet status")
		default:
			d.ok(check, fmt.Sprintf("%d crawlers there, compared with the rows %s ago, nothing left over",
				c.Instances, span(d.now.Sub(c.Done))))
		}
	}
}

// waiting tells of the ticket that has waited longest.
func (d *doctor) waiting(ctx context.Context, r fleet.Reader) {
	const check = "waiting tickets"
	rows, err := r.Tickets(ctx, fleet.TicketFilter{State: fleet.TicketWaiting, Limit: countAtMost})
	if err != nil {
		d.broke(check, err, "crawlfleet ticket list --state waiting")
		return
	}
	var oldest *fleet.TicketRow
	for i, row := range rows {
		if row.Wait != nil && (oldest == nil || row.Wait.Since.Before(oldest.Wait.Since)) {
			oldest = &rows[i]
		}
	}
	if oldest == nil {
		d.ok(check, "none")
		return
	}
	since := d.now.Sub(oldest.Wait.Since)
	says := fmt.Sprintf("%d, the longest for %s: %s of %s (%s)", len(rows), span(since), oldest.Input.ID,
		oldest.Input.Tenant, oldest.Wait.Code)
	if since < waitWarn {
		d.ok(check, says)
		return
	}
	d.warn(check, says, fmt.Sprintf("crawlfleet ticket explain %s --tenant %s", oldest.Input.ID, oldest.Input.Tenant))
}

// crawlers compares the rows with the processes.
func (d *doctor) crawlers(ctx context.Context, r fleet.Reader) {
	const check = "crawlers"
	rows, err := r.Crawlers(ctx, "")
	if err != nil {
		d.broke(check, err, "crawlfleet crawler list")
		return
	}
	seen, err := process.Look(d.dir.Crawlers(), d.dir.Stamp.Fleet)
	if err != nil {
		d.broke(check, err, "ls "+d.dir.Crawlers())
		return
	}
	runs := map[fleet.GUID]bool{}
	for _, i := range seen {
		runs[i.GUID] = i.Phase != fleet.PhaseExited
	}
	known, lost := map[fleet.GUID]bool{}, 0
	for _, c := range rows {
		known[c.GUID] = true
		launched := c.Times.Launched
		if c.Provider == process.Kind && !launched.IsZero() && d.now.Sub(launched) > youngCrawler && !runs[c.GUID] {
			lost++
			d.noProcess(check, c)
		}
	}
	strays := 0
	for _, i := range seen {
		if runs[i.GUID] && !known[i.GUID] && d.now.Sub(i.CreatedAt) > youngCrawler {
			strays++
			d.warn(check, fmt.Sprintf("process %s runs crawler %s, whose row has ended; it is being stopped, or ends by itself",
				i.ProviderID, i.GUID.Short()), "crawlfleet crawler show "+string(i.GUID))
		}
	}
	if lost+strays == 0 {
		d.ok(check, fmt.Sprintf("%d rows, %d records of processes, no stray", len(rows), len(seen)))
	}
}

func (d *doctor) noProcess(check string, c fleet.CrawlerRow) {
	says := fmt.Sprintf("row %s of %s is %s and has no process", c.GUID.Short(), c.Tenant, c.State)
	if d.at == nil {
		d.warn(check, says+"; the next start finds it gone and moves its tickets", "crawlfleet dev")
		return
	}
	d.warn(check, says+"; its workflow should have found it gone", "crawlfleet crawler show "+string(c.GUID))
}
