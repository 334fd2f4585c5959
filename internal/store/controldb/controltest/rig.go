package controltest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is a store with what the tests do again and again.
type rig struct {
	Control
	t     testing.TB
	ctx   context.Context
	clock *clock
	mu    sync.Mutex
	hosts int // the last address that was given to a crawler
}

// euro is so many millionths.
func euro(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }

// offering is a place of the process provider that prices an hour at 3.6 EUR, that
// is a millieuro a second.
func offering(id string, capacity int) fleet.Offering {
	return fleet.Offering{
		ID: fleet.OfferingID("process/" + id), Provider: "process", Account: "local", Region: "region-" + id,
		Country: "DE", Price: euro(3_600_000), Grain: fleet.GrainSecond, Egress: fleet.EgressOwn,
		Capacity: capacity, IdleAfter: fleet.Duration(time.Minute),
	}
}

func newRig(t testing.TB, open Factory, change func(*Config)) *rig {
	c := &clock{t: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	n := 0
	config := Config{
		Offerings: []fleet.Offering{offering("a", 0)}, Pins: []fleet.ProviderKind{"process"},
		Clock: c.now, Patience: time.Second,
		NewGUID: func() fleet.GUID {
			n++ // within the one writer
			return fleet.GUID(fmt.Sprintf("%08d-0000-4000-8000-%012d", n, n))
		},
	}
	if change != nil {
		change(&config)
	}
	return &rig{Control: open(t, config), t: t, ctx: t.Context(), clock: c, hosts: 1}
}

// tenant opens a tenant that is ready.
func (r *rig) tenant(id fleet.TenantID, p fleet.Plan) fleet.TenantID {
	r.t.Helper()
	_, err := r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: id, Plan: p})
	require.NoError(r.t, err)
	_, err = r.SetTenant(r.ctx, id, fleet.TenantReady, "")
	require.NoError(r.t, err)
	return id
}

// ticket is a request for a lease.
func ticket(t fleet.TenantID, id fleet.TicketID, change ...func(*fleet.TicketInput)) fleet.RouteRequest {
	in := fleet.TicketInput{Tenant: t, ID: id, URLs: []string{"https://Example.com/" + string(id)}}
	for _, c := range change {
		c(&in)
	}
	in, err := in.Normalise()
	if err != nil {
		panic(err)
	}
	return fleet.RouteRequest{Input: in, WorkflowID: fleet.TicketWorkflowID(t, id), RunID: "run-1"}
}

func inSession(key fleet.SessionKey, l fleet.LossPolicy) func(*fleet.TicketInput) {
	return func(in *fleet.TicketInput) { in.Session = &fleet.Session{Key: key, OnLoss: l} }
}

func (r *rig) route(req fleet.RouteRequest) fleet.RouteAnswer {
	r.t.Helper()
	a, err := r.Route(r.ctx, req)
	require.NoError(r.t, err)
	return a
}

// leased routes and wants a lease.
func (r *rig) leased(req fleet.RouteRequest) fleet.Lease {
	r.t.Helper()
	a := r.route(req)
	require.Equal(r.t, fleet.RouteLeased, a.Kind, "%+v", a.Wait)
	return *a.Lease
}

// waits routes and wants a wait.
func (r *rig) waits(req fleet.RouteRequest, code fleet.WaitCode) fleet.RouteAnswer {
	r.t.Helper()
	a := r.route(req)
	require.Equal(r.t, fleet.RouteWait, a.Kind)
	require.Equal(r.t, code, a.Wait.Code, a.Wait.Message)
	require.NotEmpty(r.t, a.Wait.Message)
	require.False(r.t, a.Wait.Since.IsZero())
	return a
}

// decide decides for a tenant.
func (r *rig) decide(t fleet.TenantID) fleet.Decision {
	r.t.Helper()
	d, err := r.Decide(r.ctx, t)
	require.NoError(r.t, err)
	return d
}

// hello is what a crawler says that has the address it was asked to have, else a
// new one.
func (r *rig) hello(in fleet.CrawlerInput) fleet.Hello {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := fleet.Hello{Contract: fleet.ContractVersion, GUID: in.GUID, Address: in.Address, Slots: in.Slots, PID: 77}
	if h.Address == "" {
		r.hosts++
		h.Address = fmt.Sprintf("127.0.0.%d", r.hosts)
	}
	return h
}

// serve brings a reserved crawler to serve.
func (r *rig) serve(in fleet.CrawlerInput) fleet.Follow {
	r.t.Helper()
	row, err := r.Launching(r.ctx, in)
	require.NoError(r.t, err)
	require.Equal(r.t, fleet.CrawlerStarting, row.State)
	require.NoError(r.t, r.Launched(r.ctx, in.GUID, fleet.Instance{ProviderID: "4711"}))
	f, err := r.Serving(r.ctx, in.GUID, r.hello(in))
	require.NoError(r.t, err)
	return f
}

// cold routes a ticket for which a crawler has to be started, and starts it.
func (r *rig) cold(req fleet.RouteRequest) fleet.Lease {
	r.t.Helper()
	require.Equal(r.t, fleet.RouteWait, r.route(req).Kind)
	d := r.decide(req.Input.Tenant)
	require.Len(r.t, d.Starts, 1, d.Reason)
	f := r.serve(d.Starts[0])
	require.NotEmpty(r.t, f.Grants)
	require.Equal(r.t, req.Input.ID, f.Grants[0].Ticket)
	return r.leased(req)
}

// record ends a ticket as done.
func (r *rig) record(l fleet.Lease) fleet.RecordAnswer {
	r.t.Helper()
	a, err := r.Record(r.ctx, done(l))
	require.NoError(r.t, err)
	return a
}

func done(l fleet.Lease) fleet.RecordRequest {
	return fleet.RecordRequest{
		Tenant: l.Tenant, Ticket: l.Ticket, WorkflowID: fleet.TicketWorkflowID(l.Tenant, l.Ticket),
		Epoch: l.Epoch, Outcome: fleet.OutcomeDone, Counters: fleet.Counters{Discovered: 3, Fetched: 3},
	}
}

// refused wants an error with a code and a field.
func refused(t testing.TB, err error, code fleet.Code, field string) *fleet.Error {
	t.Helper()
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e.Error())
	require.Equal(t, field, e.Field, e.Error())
	return e
}

// row reads a ticket.
func (r *rig) row(t fleet.TenantID, id fleet.TicketID) fleet.TicketRow {
	r.t.Helper()
	row, err := r.Ticket(r.ctx, t, id)
	require.NoError(r.t, err)
	return row
}

// crawler reads a crawler.
func (r *rig) crawler(g fleet.GUID) fleet.CrawlerRow {
	r.t.Helper()
	c, err := r.Crawler(r.ctx, g)
	require.NoError(r.t, err)
	return c
}

// kinds gives the kinds of a ticket's decisions in their order.
func (r *rig) kinds(t fleet.TenantID, id fleet.TicketID) []fleet.DecisionKind {
	r.t.Helper()
	records, err := r.Decisions(r.ctx, t, id)
	require.NoError(r.t, err)
	var out []fleet.DecisionKind
	for _, d := range records {
		require.NotEmpty(r.t, d.Reason)
		out = append(out, d.Kind)
	}
	return out
}
