package controltest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (m *model) pauseAny(rt *rapid.T) {
	req := m.request(rt)
	req.Pause = &fleet.SteerRequest{By: "ada@desk"}
	for range 2 {
		a, err := m.Route(m.ctx, req)
		if c := fleet.CodeOf(err); c == fleet.CodeConflict {
			return
		}
		m.ok(err)
		if a.Kind == fleet.RouteWait && a.Wait.Code == fleet.WaitPaused {
			m.paused[key(req)] = true
		}
		req.Fenced = a.Epoch
	}
}

func (m *model) suspendAny(rt *rapid.T) {
	t := rapid.SampledFrom(m.tenants).Draw(rt, "tenant")
	_, f, err := m.Suspend(m.ctx, t, fleet.SuspendRequest{})
	m.ok(err)
	if _, already := m.suspended[t]; !already {
		m.suspended[t] = m.clock.now()
		m.clock.advance(time.Millisecond)
	}
	for _, d := range f.Drains {
		if d.Tenant != t {
			rt.Fatalf("%s is suspended and %s of %s drains", t, d.GUID, d.Tenant)
		}
	}
}

func (m *model) resumeAny(rt *rapid.T) {
	t := rapid.SampledFrom(m.tenants).Draw(rt, "tenant")
	_, _, err := m.Resume(m.ctx, t, fleet.ResumeRequest{})
	m.ok(err)
	delete(m.suspended, t)
}

func key(r fleet.RouteRequest) string { return string(r.Input.Tenant) + "/" + string(r.Input.ID) }

// checkSteered: what is paused has no slot, and of a tenant that is suspended nothing is
// leased, started or granted.
func (m *model) checkSteered(rt *rapid.T, leases []fleet.LeaseRow, crawlers []fleet.CrawlerRow) {
	for _, l := range leases {
		if m.paused[string(l.Tenant)+"/"+string(l.Ticket)] {
			rt.Fatalf("%s/%s is paused and has a slot of %s", l.Tenant, l.Ticket, l.GUID)
		}
		if since, is := m.suspended[l.Tenant]; is && l.TakenAt.After(since) {
			rt.Fatalf("%s is suspended since %s and took a slot at %s", l.Tenant, since, l.TakenAt)
		}
	}
	for _, c := range crawlers {
		since, is := m.suspended[c.Tenant]
		if is && (c.State == fleet.CrawlerServing || c.Times.Reserved.After(since)) {
			rt.Fatalf("%s is suspended and its crawler %s is %s", c.Tenant, c.GUID, c.State)
		}
	}
}
