package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// demoSession is the affinity key of the first two tickets.
const demoSession fleet.SessionKey = "visitor"

// acts are what is played: on a stranger's site there is nothing to kill for.
func (d *demo) acts() []act {
	if d.site == nil {
		return []act{
			{"a tenant is created", actWithin, d.provision},
			{"a polite visit", visitWithin, d.visit},
			{"idle, and the bill", actWithin, d.rest},
		}
	}
	return []act{
		{"a tenant is created", actWithin, d.provision},
		{"a first ticket starts a crawler", actWithin, d.cold},
		{"a second ticket of the same session", actWithin, d.warm},
		{"six tickets at once", actWithin, d.six},
		{"a crawler is killed in the middle of a crawl", actWithin, d.kill},
		{"idle, and the bills", actWithin, d.rest},
	}
}

// play plays the acts in order and gives the number of findings. One that cannot be
// played to its end is the last; one that does not hold is not.
func (d *demo) play(ctx context.Context) (failed int, err error) {
	d.played = time.Now()
	for i, a := range d.acts() {
		r := actReport{Act: i + 1, Title: a.title}
		began := time.Now()
		d.screen.status("%s", a.title)
		acting, cancel := context.WithTimeout(ctx, a.within)
		err := a.play(acting, &r)
		cancel()
		if ctx.Err() != nil {
			return failed, ctx.Err()
		}
		if err != nil {
			r.check(finding{a.title, causeOf(err)})
		}
		r.Took, r.Held = fleet.Duration(time.Since(began)), len(r.Findings) == 0
		if !r.Held { // what it claims is not so
			r.Measured = nil
		}
		failed += len(r.Findings)
		if err := d.screen.act(r); err != nil {
			return failed, err
		}
		if err != nil {
			return failed, nil
		}
	}
	return failed, nil
}

// provision creates the tenant and names each step.
func (d *demo) provision(ctx context.Context, r *actReport) error {
	began := time.Now()
	plan := fleet.Plan{SlotsPerCrawler: demoSlots, MaxCrawlers: demoCrawlers}
	if err := d.steer.StartTenant(ctx, fleet.TenantInput{Tenant: d.tenant, Name: "Demo", Plan: plan}); err != nil {
		return err
	}
	var status fleet.TenantStatus
	err := await(ctx, "the tenant to be ready", func() (bool, string, error) {
		s, err := d.steer.TenantStatus(ctx, d.tenant)
		if hasCode(err, fleet.CodeUnavailable, fleet.CodeNotFound) { // not begun
			return false, causeOf(err), nil
		}
		if len(s.Steps) > 0 {
			d.screen.status("provisioning: %s", s.Steps[len(s.Steps)-1].Name)
		}
		status = s
		return err == nil && s.State != fleet.TenantProvisioning, string(s.State), err
	})
	if err != nil {
		return err
	}
	if status.Error != nil { // nothing can be played without a tenant
		return status.Error
	}
	r.say("tenant %s provisioned in %s; the crawler that proved it is stopped again", d.tenant, span(time.Since(began)))
	r.say("%s", steps(status.Steps))
	if err := d.judgeProvision(ctx, r); err != nil {
		return err
	}
	return d.awaitProcesses(ctx, 0)
}

// judgeProvision asks the stores whether what the workflow names is there.
func (d *demo) judgeProvision(ctx context.Context, r *actReport) error {
	row, err := d.control.Tenant(ctx, d.tenant)
	if err != nil {
		return err
	}
	crawlers, err := d.control.AllCrawlers(ctx, fleet.CrawlerFilter{Tenant: d.tenant})
	if err != nil {
		return err
	}
	r.check(judgeTenant(row, crawlers)...)
	if d.cfg.Store != "" {
		// Who reads it uses the tenant's own role, which has to be there.
		_, err := d.tenants.Pages(ctx, d.tenant, "none", 0, 1)
		return err
	}
	files, err := filepath.Glob(filepath.Join(d.dir.Tenants(), string(d.tenant), "*.db"))
	if err != nil || len(files) != 1 {
		r.check(finding{"a database of its own in " + d.dir.Tenants(), fmt.Sprintf("%d files", len(files))})
	}
	return nil
}

// steps renders the steps of provisioning with their times.
func steps(all []fleet.TenantStep) string {
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = s.Name + " " + span(s.Took.Std())
	}
	return strings.Join(parts, ", ")
}

// cold runs the first ticket: its crawler has to be started.
func (d *demo) cold(ctx context.Context, r *actReport) error {
	mark := len(d.site.Log())
	t, err := d.submit(ctx, "first", "cold start", d.site.URL(), d.site.Hosts(), demoSession)
	if err != nil {
		return err
	}
	if err := d.awaitEnd(ctx, t); err != nil {
		return err
	}
	log := d.site.Log()[mark:]
	crawler, err := d.crawlerOf(ctx, t)
	if err != nil {
		return err
	}
	first := firstPage(log, t.at)
	t.start = "cold " + span(first.Sub(t.at))
	truth := d.truth()
	r.say("cold start in %s: %s", span(first.Sub(t.at)), phases(t.at, coldPhases(t.row, crawler, first)))
	r.say("%d pages and %d files in %s, %d redirects, %d broken; %d forbidden URLs left alone, traps too",
		len(truth.Pages), len(truth.Files), span(t.row.Times.Ended.Sub(t.at)), len(truth.Redirects),
		len(truth.Broken), len(truth.Blocked))
	running, err := d.processes(ctx)
	if err != nil {
		return err
	}
	r.check(judgeProcesses("after the first ticket", 1, running)...)
	r.check(judgeManners(truth, log)...)
	r.check(judgeOnce(log, d.site.ShopURL(sample.FlakyPath))...)
	r.check(judgeSpread(log, 1)...)
	if saw := sources(log); len(saw) > 0 {
		d.address = saw[0]
	}
	return d.judgeStored(ctx, r, truth, t)
}

// warm runs the second ticket: same session, so the same crawler and address.
func (d *demo) warm(ctx context.Context, r *actReport) error {
	before, err := d.processes(ctx)
	if err != nil {
		return err
	}
	mark := len(d.site.Log())
	hosts := d.site.Hosts()[1:] // the journal alone is enough to see an address
	t, err := d.submit(ctx, "second", "same session", d.site.JournalURL("/"), hosts, demoSession)
	if err != nil {
		return err
	}
	if err := d.awaitEnd(ctx, t); err != nil {
		return err
	}
	log := d.site.Log()[mark:]
	first := firstPage(log, t.at)
	t.start = "warm " + span(first.Sub(t.at))
	r.say("warm: %s from the request to the first page, routed after %s, no crawler started",
		span(first.Sub(t.at)), span(t.row.Times.Leased.Sub(t.at)))
	r.say("the same source address as before, by the site's log: %s", strings.Join(sources(log), ", "))
	after, err := d.processes(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		r.check(judgeProcesses("the same as before the second ticket", len(before), after)...)
	}
	r.check(judgeSources(log, d.address)...)
	truth, err := d.site.Truth(sample.Scope{Seeds: []string{d.site.JournalURL("/")}, Hosts: hosts})
	if err != nil {
		return err
	}
	return d.judgeStored(ctx, r, truth, t)
}

// firstPage is when the first page was asked for after a moment, zero if none was.
func firstPage(log []sample.Request, after time.Time) (first time.Time) {
	for _, r := range log {
		if r.Path != robotsPath && r.Time.After(after) && (first.IsZero() || r.Time.Before(first)) {
			first = r.Time
		}
	}
	return first
}

// summary shows every ticket, where everything is and what to type next.
func (d *demo) summary(ctx context.Context, failed int) {
	for _, t := range d.tickets {
		if b, err := d.control.Bill(ctx, d.tenant, t.in.ID); err == nil { // a table without a cost is still one
			t.bill = b.Total
		}
	}
	d.screen.table(d.tickets)
	verdict := "every act held"
	if failed > 0 {
		verdict = notHeld(failed)
	}
	d.screen.lines("", fmt.Sprintf("After %s: %s.", span(time.Since(d.played)), verdict))
	d.screen.next(d, d.stays())
}

// stays reports whether the fleet stays up after the last act: where somebody is
// there to look at it.
func (d *demo) stays() bool {
	return !d.o.exit && d.app.isTerminal(d.app.Out) && d.app.output == outputText
}

func (d *demo) stay(ctx context.Context) {
	if d.stays() && len(d.tickets) > 0 {
		<-ctx.Done()
	}
}
