package controltest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// testAnyOrder does the operations in any order, repeats any of them as a crash
// between two steps would, and holds the rows to the invariants after each.
func testAnyOrder(t *testing.T, open Factory, orders int) {
	tried := 0
	rapid.Check(t, func(rt *rapid.T) {
		if tried++; tried > orders && !t.Failed() {
			return
		}
		r := newRig(iteration{t, rt}, open, func(c *Config) {
			c.Offerings = []fleet.Offering{offering("a", 1), offering("b", 2)}
			c.Offerings[1].Price = euro(7_777_777)
			c.Patience = -1
			c.UnplacedMax = 2
			if rapid.Bool().Draw(rt, "no pins") {
				c.Pins = nil
			}
		})
		tenants := []fleet.TenantID{
			r.tenant("acme", fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 5}),
			r.tenant("other", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 3}),
		}
		m := &model{
			rig: r, rt: rt, tenants: tenants, epochs: map[string]int64{},
			paused: map[string]bool{}, suspended: map[fleet.TenantID]time.Time{},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"route": m.route, "run2": m.runAgain, "lose": m.lose, "record": m.end, "cancel": m.cancel, "decide": m.decideAny,
			"serve": m.serveAny, "fail": m.failAny, "retire": m.retireAny, "drain": m.drainAny,
			"bury": m.buryAny, "gone": m.goneAny, "ungrant": m.ungrantAny,
			"pause": m.pauseAny, "suspend": m.suspendAny, "resume": m.resumeAny,
			"": m.check,
		})
	})
}

// iteration is a test whose cleanups are those of one iteration: stores are not kept open
// by the hundred until its end.
type iteration struct {
	testing.TB
	rt *rapid.T
}

func (i iteration) Cleanup(f func()) { i.rt.Cleanup(f) }

type model struct {
	*rig
	rt      *rapid.T
	tenants []fleet.TenantID
	epochs  map[string]int64

	paused    map[string]bool
	suspended map[fleet.TenantID]time.Time
}

func (m *model) request(rt *rapid.T) fleet.RouteRequest {
	id := fleet.TicketID(fmt.Sprint("t", rapid.IntRange(0, 7).Draw(rt, "ticket")))
	var change []func(*fleet.TicketInput)
	if n := int(id[1] - '0'); n%2 == 0 { // the content follows from the id
		change = append(change, inSession(fleet.SessionKey(fmt.Sprint("s", n%4)),
			[]fleet.LossPolicy{fleet.LossPreferred, fleet.LossRequired, fleet.LossFail}[n/2%3]))
	}
	return ticket(rapid.SampledFrom(m.tenants).Draw(rt, "tenant"), id, change...)
}

// send routes until the fence is raised; what a ticket may be refused for is no defect.
func (m *model) send(rt *rapid.T, req fleet.RouteRequest) {
	m.clock.advance(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)
	delete(m.paused, key(req))
	for range 2 {
		a, err := m.Route(m.ctx, req)
		if err != nil {
			if c := fleet.CodeOf(err); c != fleet.CodeSessionLost && c != fleet.CodeConflict {
				rt.Fatalf("route: %v", err)
			}
			return
		}
		req.Fenced = a.Epoch
		if a.Kind != fleet.RouteFence {
			return
		}
	}
	rt.Fatalf("the fence was raised and is asked for again")
}

func (m *model) route(rt *rapid.T) {
	req := m.request(rt)
	req.Input.Attempt = rapid.IntRange(1, 3).Draw(rt, "attempt")
	m.send(rt, req)
}

func (m *model) runAgain(rt *rapid.T) {
	req := m.request(rt)
	req.RunID = "run-2"
	m.send(rt, req)
}

func (m *model) anyLease(rt *rapid.T) *fleet.LeaseRow {
	leases, err := m.Leases(m.ctx, 0)
	m.ok(err)
	if len(leases) == 0 {
		return nil
	}
	return &leases[rapid.IntRange(0, len(leases)-1).Draw(rt, "lease")]
}

func (m *model) anyCrawler(rt *rapid.T, states ...fleet.CrawlerState) *fleet.CrawlerRow {
	all, err := m.AllCrawlers(m.ctx, fleet.CrawlerFilter{Limit: math.MaxInt32})
	m.ok(err)
	if len(states) > 0 {
		all = slices.DeleteFunc(all, func(c fleet.CrawlerRow) bool { return !slices.Contains(states, c.State) })
	}
	if len(all) == 0 {
		return nil
	}
	return &all[rapid.IntRange(0, len(all)-1).Draw(rt, "crawler")]
}

func (m *model) ok(err error) {
	if err != nil {
		m.rt.Fatalf("%v", err)
	}
}

func (m *model) lose(rt *rapid.T) {
	l := m.anyLease(rt)
	if l == nil || l.Granted {
		return
	}
	row, err := m.Ticket(m.ctx, l.Tenant, l.Ticket)
	m.ok(err)
	in := row.Input
	given := ticket(l.Tenant, l.Ticket)
	given.Input.Session = in.Session
	given.RunID, given.Lost = l.RunID, l.Epoch
	given.Why = rapid.SampledFrom([]fleet.Code{fleet.CodeCrawlerLost, fleet.CodeDraining, fleet.CodeTimeout}).Draw(rt, "why")
	m.send(rt, given)
}

func (m *model) end(rt *rapid.T) {
	l := m.anyLease(rt)
	if l == nil {
		return
	}
	m.clock.advance(time.Duration(rapid.IntRange(0, 9999).Draw(rt, "ms")) * time.Millisecond)
	req := done(l.Lease)
	req.Outcome = rapid.SampledFrom([]fleet.Outcome{fleet.OutcomeDone, fleet.OutcomeFailed}).Draw(rt, "outcome")
	a, err := m.Record(m.ctx, req)
	m.ok(err)
	b, err := m.Record(m.ctx, req)
	m.ok(err)
	if fmt.Sprint(a.Result) != fmt.Sprint(b.Result) || fmt.Sprint(a.Follow.Grants) != fmt.Sprint(b.Follow.Grants) {
		rt.Fatalf("a repeat differs: %+v, %+v", a, b)
	}
}

func (m *model) cancel(rt *rapid.T) {
	req := m.request(rt)
	t, id := req.Input.Tenant, req.Input.ID
	_, err := m.Intend(m.ctx, fleet.Intent{Tenant: t, Ticket: id, WorkflowID: fleet.TicketWorkflowID(t, id), Outcome: fleet.OutcomeCancelled})
	if fleet.CodeOf(err) == fleet.CodeNotFound || rapid.Bool().Draw(rt, "crash") {
		return
	}
	m.ok(err)
	_, err = m.Record(m.ctx, fleet.RecordRequest{Tenant: t, Ticket: id, Outcome: fleet.OutcomeCancelled})
	m.ok(err)
}

func (m *model) decideAny(rt *rapid.T) {
	_, err := m.Decide(m.ctx, rapid.SampledFrom(m.tenants).Draw(rt, "tenant"))
	m.ok(err)
}

func (m *model) serveAny(rt *rapid.T) {
	c := m.anyCrawler(rt, fleet.CrawlerReserved, fleet.CrawlerStarting)
	if c == nil {
		return
	}
	in := fleet.CrawlerInput{Tenant: c.Tenant, GUID: c.GUID, Address: c.Address, Slots: c.Slots}
	_, err := m.Launching(m.ctx, in)
	m.ok(err)
	if rapid.Bool().Draw(rt, "crash") {
		return
	}
	m.ok(m.Launched(m.ctx, c.GUID, fleet.Instance{}))
	m.clock.advance(time.Duration(rapid.IntRange(1, 999).Draw(rt, "ms")) * time.Millisecond)
	_, err = m.Serving(m.ctx, c.GUID, m.hello(in))
	m.ok(err)
}

func (m *model) failAny(rt *rapid.T) {
	if c := m.anyCrawler(rt, fleet.CrawlerReserved, fleet.CrawlerStarting); c != nil {
		_, err := m.Failed(m.ctx, fleet.LaunchFailure{GUID: c.GUID, Class: fleet.ClassRetryable, Reason: "?"})
		m.ok(err)
	}
}

func (m *model) retireAny(rt *rapid.T) {
	m.clock.advance(time.Duration(rapid.IntRange(0, 90).Draw(rt, "s")) * time.Second)
	if c := m.anyCrawler(rt); c != nil {
		a, err := m.Retire(m.ctx, c.GUID)
		m.ok(err)
		if a.Done && c.Leased > 0 {
			rt.Fatalf("a busy crawler was retired")
		}
	}
}

func (m *model) drainAny(rt *rapid.T) {
	if c := m.anyCrawler(rt); c != nil {
		_, err := m.Drain(m.ctx, c.GUID, "asked")
		m.ok(err)
	}
}

func (m *model) buryAny(rt *rapid.T) {
	if c := m.anyCrawler(rt, fleet.CrawlerServing, fleet.CrawlerDraining, fleet.CrawlerGone); c != nil {
		_, err := m.Bury(m.ctx, c.GUID, "killed")
		m.ok(err)
	}
}

func (m *model) goneAny(rt *rapid.T) {
	if c := m.anyCrawler(rt, fleet.CrawlerRetired, fleet.CrawlerGone); c != nil {
		_, err := m.Gone(m.ctx, c.GUID, m.clock.now())
		m.ok(err)
	}
}

func (m *model) ungrantAny(rt *rapid.T) {
	if l := m.anyLease(rt); l != nil {
		_, err := m.Ungrant(m.ctx, fleet.Grant{Tenant: l.Tenant, Ticket: l.Ticket, Epoch: l.Epoch})
		m.ok(err)
	}
}

// check holds the rows to what has to be true at any time.
func (m *model) check(rt *rapid.T) {
	leases, err := m.Leases(m.ctx, 0)
	m.ok(err)
	on, by := map[fleet.GUID]int{}, map[fleet.TenantID]int{}
	for _, l := range leases {
		on[l.GUID]++
		by[l.Tenant]++
		key := string(l.Tenant) + "/" + string(l.Ticket)
		if l.Epoch < m.epochs[key] {
			rt.Fatalf("the epoch of %s fell from %d to %d", key, m.epochs[key], l.Epoch)
		}
		m.epochs[key] = l.Epoch
	}
	if by["acme"] > 5 {
		rt.Fatalf("acme has %d leases of 5", by["acme"])
	}
	crawlers, err := m.Crawlers(m.ctx, "")
	m.ok(err)
	live := map[fleet.TenantID]int{}
	at := map[fleet.OfferingID]int{}
	for _, c := range crawlers {
		live[c.Tenant]++
		at[c.Offering]++
		if c.Leased != on[c.GUID] || c.Leased > c.Slots {
			rt.Fatalf("crawler %s says %d leases of %d, there are %d", c.GUID, c.Leased, c.Slots, on[c.GUID])
		}
		delete(on, c.GUID)
	}
	if len(on) > 0 || live["acme"] > 3 || live["other"] > 2 || at["process/a"] > 1 || at["process/b"] > 2 {
		rt.Fatalf("over the plan or leases without crawlers: %v %v %v", on, live, at)
	}
	mended, err := m.Mend(m.ctx, 100)
	m.ok(err)
	if len(mended.Cures) > 0 {
		rt.Fatalf("transactions left rows that contradict each other: %v", mended.Cures)
	}
	m.checkTickets(rt, leases)
	m.checkSteered(rt, leases, crawlers)
}

func (m *model) checkTickets(rt *rapid.T, leases []fleet.LeaseRow) {
	rows, err := m.Tickets(m.ctx, fleet.TicketFilter{Limit: 100})
	m.ok(err)
	session := map[string]fleet.GUID{}
	for _, row := range rows {
		t, id := row.Input.Tenant, row.Input.ID
		held := slices.ContainsFunc(leases, func(l fleet.LeaseRow) bool { return l.Tenant == t && l.Ticket == id })
		if held != (row.Lease != nil) || held && row.State != fleet.TicketRunning && row.State != fleet.TicketClosing ||
			row.State == fleet.TicketRunning && !held {
			rt.Fatalf("%s/%s is %s, lease %v", t, id, row.State, held)
		}
		if row.State == fleet.TicketWaiting && row.Wait == nil {
			rt.Fatalf("%s/%s waits and does not say for what", t, id)
		}
		if s := row.Input.Session; s != nil && held {
			key := string(t) + "/" + string(s.Key)
			if g, two := session[key]; two && g != row.Lease.GUID {
				rt.Fatalf("session %s runs on %s and %s", key, g, row.Lease.GUID)
			}
			session[key] = row.Lease.GUID
		}
		b, err := m.Bill(m.ctx, t, id)
		m.ok(err)
		if row.Result != nil && row.Result.Bill != b.Total {
			rt.Fatalf("%s/%s: the bill is %s, the ledger has %s", t, id, row.Result.Bill, b.Total)
		}
	}
}
