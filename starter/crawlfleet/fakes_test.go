package main

import (
	"context"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// at is when everything in these tests begins.
var at = time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)

const (
	guidA = fleet.GUID("5b8c6d2e-0000-4000-8000-0000aaaaaaaa")
	guidB = fleet.GUID("5b8c77aa-0000-4000-8000-0000bbbbbbbb")
)

// stores stands in for the databases; their own tests use the real ones.
type stores struct {
	mu        sync.Mutex
	tenants   []fleet.TenantStatus
	tickets   []fleet.TicketRow
	crawlers  []fleet.CrawlerRow
	decisions []fleet.DecisionRecord
	bill      fleet.Bill
	preview   fleet.Preview
	pages     []fleet.PageRow
	counters  fleet.Counters
	filter    fleet.TicketFilter // of the last list
	maxBatch  int                // most pages asked for at once

	keys       []fleet.KeyRow
	audit      []fleet.AuditRecord
	deliveries []fleet.Delivery
}

func (s *stores) Tenants(context.Context) ([]fleet.TenantStatus, error) { return s.tenants, nil }

func (s *stores) Tenant(_ context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	for _, one := range s.tenants {
		if one.Tenant == t {
			return one, nil
		}
	}
	return fleet.TenantStatus{}, fleet.Errorf(fleet.CodeNotFound, "no tenant "+string(t))
}

func (s *stores) Ticket(_ context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.TicketRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.tickets {
		if row.Input.Tenant == t && row.Input.ID == id {
			return row, nil
		}
	}
	return fleet.TicketRow{}, fleet.Errorf(fleet.CodeNotFound, "no ticket "+string(id))
}

func (s *stores) Tickets(_ context.Context, f fleet.TicketFilter) ([]fleet.TicketRow, error) {
	s.filter = f
	var rows []fleet.TicketRow
	for _, row := range s.tickets {
		if (f.Tenant == "" || row.Input.Tenant == f.Tenant) && (f.State == "" || row.State == f.State) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (s *stores) AllCrawlers(_ context.Context, _ fleet.TenantID, gone bool) ([]fleet.CrawlerRow, error) {
	var rows []fleet.CrawlerRow
	for _, c := range s.crawlers {
		if gone || c.State.Live() {
			rows = append(rows, c)
		}
	}
	return rows, nil
}

func (s *stores) Crawler(_ context.Context, g fleet.GUID) (fleet.CrawlerRow, error) {
	for _, c := range s.crawlers {
		if c.GUID == g {
			return c, nil
		}
	}
	return fleet.CrawlerRow{}, fleet.Errorf(fleet.CodeNotFound, "no crawler "+string(g))
}

func (s *stores) Decisions(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.DecisionRecord, error) {
	return s.decisions, nil
}

func (s *stores) Bill(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Bill, error) {
	return s.bill, nil
}

func (s *stores) Costs(context.Context, time.Time) ([]fleet.Bill, error) {
	return []fleet.Bill{{Tenant: "demo", Total: euro(1234), Final: true}}, nil
}

func (s *stores) Offerings(context.Context) ([]fleet.OfferingStatus, error) {
	return []fleet.OfferingStatus{{
		Offering: fleet.Offering{
			ID: "process/local-a", Country: "DE", Price: euro(36_000), Grain: fleet.GrainSecond, Egress: fleet.EgressOwn,
			Capacity: 8, IdleAfter: fleet.Duration(30 * time.Second),
		},
		Running: 2, Cooldown: &fleet.Cooldown{Until: at, Reason: "full"},
	}}, nil
}

func (s *stores) Preview(context.Context, fleet.TicketInput) (fleet.Preview, error) {
	return s.preview, nil
}

func (s *stores) Keys(context.Context, fleet.TenantID) ([]fleet.KeyRow, error) { return s.keys, nil }

func (s *stores) KeyOf(_ context.Context, digest string) (fleet.KeyRow, error) {
	for _, k := range s.keys {
		if k.Digest == digest {
			return k, nil
		}
	}
	return fleet.KeyRow{}, fleet.Errorf(fleet.CodeNotFound, "no key")
}

func (s *stores) AuditTrail(context.Context, fleet.AuditFilter) ([]fleet.AuditRecord, error) {
	return s.audit, nil
}

func (s *stores) Deliveries(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.Delivery, error) {
	return s.deliveries, nil
}

func (s *stores) Gauges(context.Context) (fleet.Gauges, error) {
	g := fleet.Gauges{Tickets: map[fleet.TicketState]int{}}
	for _, row := range s.tickets {
		g.Tickets[row.State]++
	}
	return g, nil
}

func (s *stores) Pages(
	_ context.Context, _ fleet.TenantID, _ fleet.TicketID, after int64, limit int,
) ([]fleet.PageRow, error) {
	s.maxBatch = max(s.maxBatch, limit)
	var rows []fleet.PageRow
	for _, p := range s.pages {
		if p.Seq > after && len(rows) < limit {
			rows = append(rows, p)
		}
	}
	return rows, nil
}

func (s *stores) Progress(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Counters, time.Time, error) {
	return s.counters, at, nil
}

// helm stands in for Temporal; internal/client's tests use the real one.
type helm struct {
	mu        sync.Mutex
	started   []fleet.TicketInput
	tenants   []fleet.TenantInput
	deleted   []fleet.TenantID
	cancelled []string
	drained   []fleet.CrawlerRef
	result    fleet.TicketResult
	schedules []fleet.ScheduleInput
	replans   []fleet.PlanRequest
	keys      []fleet.KeyRequest
	steered   []string      // "verb name" of schedules
	refusal   error         // of StartTicket
	unknown   bool          // ApplyTenant answers not_found
	waiting   chan struct{} // closed when WaitTicket has begun; nil when it answers at once
}

func (h *helm) StartTicket(_ context.Context, in fleet.TicketInput) (client.Ticket, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal != nil {
		return client.Ticket{}, h.refusal
	}
	h.started = append(h.started, in)
	if in.ID == "" {
		in.ID = "generated"
	}
	return client.Ticket{Tenant: in.Tenant, Ticket: in.ID, WorkflowID: fleet.TicketWorkflowID(in.Tenant, in.ID)}, nil
}

func (h *helm) WaitTicket(ctx context.Context, _, _ string) (fleet.TicketResult, error) {
	if h.waiting != nil {
		close(h.waiting)
		<-ctx.Done()
		return fleet.TicketResult{}, ctx.Err()
	}
	return h.result, nil
}

func (h *helm) CancelTicket(_ context.Context, workflowID string) error {
	h.cancelled = append(h.cancelled, workflowID)
	return nil
}

func (h *helm) StartTenant(_ context.Context, in fleet.TenantInput) error {
	h.tenants = append(h.tenants, in)
	return nil
}

func (h *helm) ApplyTenant(_ context.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
	if h.unknown {
		return fleet.TenantStatus{}, fleet.Errorf(fleet.CodeNotFound, "no tenant")
	}
	return fleet.TenantStatus{Tenant: in.Tenant, State: fleet.TenantReady, Plan: in.Plan}, nil
}

func (h *helm) ReplanTenant(_ context.Context, t fleet.TenantID, r fleet.PlanRequest) (fleet.TenantStatus, error) {
	h.replans = append(h.replans, r)
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantReady, Plan: fleet.Plan{}.WithDefaults().Changed(r.Plan)}, nil
}

func (h *helm) SuspendTenant(_ context.Context, t fleet.TenantID, r fleet.SuspendRequest) (fleet.TenantStatus, error) {
	h.steered = append(h.steered, "suspend "+string(t)+" "+r.Reason)
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantSuspended, Reason: r.Reason}, nil
}

func (h *helm) ResumeTenant(_ context.Context, t fleet.TenantID, _ fleet.ResumeRequest) (fleet.TenantStatus, error) {
	h.steered = append(h.steered, "resume "+string(t))
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantReady}, nil
}

func (h *helm) ForgetTenant(_ context.Context, t fleet.TenantID) error {
	h.steered = append(h.steered, "forget "+string(t))
	return nil
}

func (h *helm) AddKey(_ context.Context, t fleet.TenantID, r fleet.KeyRequest) (fleet.KeyRow, error) {
	h.keys = append(h.keys, r)
	return fleet.KeyRow{Tenant: t, Name: r.Name, Digest: r.Digest[:12], CreatedAt: at, ExpiresAt: r.ExpiresAt}, nil
}

func (h *helm) RevokeKey(_ context.Context, t fleet.TenantID, r fleet.RevokeRequest) (fleet.KeyRow, error) {
	return fleet.KeyRow{Tenant: t, Name: r.Name, Digest: "0123456789ab", CreatedAt: at, RevokedAt: at}, nil
}

func (h *helm) PauseTicket(_ context.Context, id string, r fleet.SteerRequest) (fleet.TicketStatus, error) {
	h.steered = append(h.steered, "pause "+id+" "+r.Reason)
	return fleet.TicketStatus{
		Tenant: "demo", Ticket: "running-1", State: fleet.TicketWaiting,
		Wait: &fleet.Wait{Code: fleet.WaitPaused, Message: "paused: " + r.Reason},
	}, nil
}

func (h *helm) ResumeTicket(_ context.Context, id string, _ fleet.SteerRequest) (fleet.TicketStatus, error) {
	h.steered = append(h.steered, "resume "+id)
	return fleet.TicketStatus{Tenant: "demo", Ticket: "running-1", State: fleet.TicketRunning, Crawler: guidA}, nil
}

func (h *helm) DeleteTenant(
	_ context.Context, t fleet.TenantID, _ fleet.DeleteRequest,
) (fleet.TenantStatus, error) {
	h.deleted = append(h.deleted, t)
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantDeleting}, nil
}

func (h *helm) TenantStatus(_ context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantReady, Steps: []fleet.TenantStep{
		{Name: "database", Done: true, Took: fleet.Duration(12 * time.Millisecond)},
		{Name: "proof", Done: true, Detail: "crawler 5b8c6d2e said hello"},
	}}, nil
}

func (h *helm) WaitTenant(_ context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	return fleet.TenantStatus{Tenant: t, State: fleet.TenantDeleted}, nil
}

func (h *helm) DrainCrawler(_ context.Context, ref fleet.CrawlerRef, _ fleet.DrainRequest) error {
	h.drained = append(h.drained, ref)
	return nil
}

func euro(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }

// story is a fleet in which something has happened.
// steered is a story with keys, an audit trail and messages to webhooks.
func steered() *stores {
	s := story()
	s.keys = []fleet.KeyRow{
		{Tenant: "demo", Name: "ann", Digest: "0123456789ab", CreatedAt: at},
		{Tenant: "demo", Name: "bob", Digest: "ba9876543210", CreatedAt: at, RevokedAt: at.Add(time.Hour)},
		{Tenant: "demo", Name: "eve", Digest: "aaaaaaaaaaaa", CreatedAt: at.Add(-time.Hour), ExpiresAt: at.AddDate(-1, 0, 0)},
	}
	s.audit = []fleet.AuditRecord{
		{Seq: 2, At: at.Add(time.Minute), Tenant: "demo", Actor: "ann@desk", Action: "tenant suspend", Detail: "unpaid"},
		{Seq: 1, At: at, Tenant: "demo", Action: "tenant plan", Detail: "maxCrawlers 2"},
	}
	message := fleet.Delivery{
		DeliveryRef: fleet.DeliveryRef{Tenant: "demo", ID: "msg_0123456789abcdef01234567"}, Ticket: "done-1",
		Notice: fleet.NoticeDone, URL: "https://example.com/hook", State: fleet.DeliveryDone, Tries: 1, TriedAt: at,
	}
	aside := message
	aside.ID, aside.State, aside.Tries, aside.LastError = "msg_ffffffffffffffffffffffff", fleet.DeliverySetAside, 24, "answered 503"
	s.deliveries = []fleet.Delivery{message, aside}
	return s
}

func story() *stores {
	result := fleet.TicketResult{
		Tenant: "demo", Ticket: "done-1", Outcome: fleet.OutcomeDone, Crawlers: []fleet.GUID{guidA, guidB},
		Addresses: []string{"127.0.16.1", "127.0.16.2"}, Moves: 1, Bill: euro(123),
		Counters: fleet.Counters{Discovered: 10, Fetched: 7, Redirected: 1, Failed: 1, Skipped: 1, Refetched: 2, Bytes: 900},
		Times: fleet.TicketTimes{
			Accepted: at, Leased: at.Add(410 * time.Millisecond), Started: at.Add(420 * time.Millisecond),
			Ended: at.Add(3210 * time.Millisecond),
		},
	}
	failed := result
	failed.Ticket, failed.Outcome, failed.Reason = "failed-1", fleet.OutcomeFailed, "no seed could be fetched"
	failed.Error = fleet.Errorf(fleet.CodeUnreachable, "connection refused")
	input := func(id fleet.TicketID) fleet.TicketInput {
		return fleet.TicketInput{Tenant: "demo", ID: id, URLs: []string{"http://example.com/", "http://example.com/b"}}
	}
	row := func(id fleet.TicketID, state fleet.TicketState) fleet.TicketRow {
		return fleet.TicketRow{
			Input: input(id), State: state, WorkflowID: "by-hand-" + string(id), Times: fleet.TicketTimes{Accepted: at},
		}
	}
	done, bad := row("done-1", fleet.TicketEnded), row("failed-1", fleet.TicketEnded)
	done.Result, done.Times, bad.Result, bad.Times = &result, result.Times, &failed, result.Times
	waiting, running := row("waiting-1", fleet.TicketWaiting), row("running-1", fleet.TicketRunning)
	waiting.Wait = &fleet.Wait{Code: fleet.WaitSlots, Message: "all 2 slots of the plan are in use", Since: at}
	running.Lease = &fleet.Lease{GUID: guidA, Address: "127.0.16.1"}
	running.Times.Leased = at.Add(time.Millisecond)
	return &stores{
		tenants: []fleet.TenantStatus{{Tenant: "demo", State: fleet.TenantReady, Name: "Demonstration"}},
		tickets: []fleet.TicketRow{done, bad, waiting, running},
		crawlers: []fleet.CrawlerRow{
			{
				Tenant: "demo", GUID: guidA, State: fleet.CrawlerServing, Offering: "process/local-a", Country: "DE",
				Address: "127.0.16.1", Slots: 4, Leased: 1, Served: 3, PID: 77,
				Times: fleet.CrawlerTimes{Reserved: at, Main: at.Add(30 * time.Millisecond), Serving: at.Add(90 * time.Millisecond)},
			},
			{Tenant: "demo", GUID: guidB, State: fleet.CrawlerGone, Offering: "process/local-b", Slots: 4, Reason: "idle"},
		},
		decisions: []fleet.DecisionRecord{
			{At: at, Kind: fleet.DecidedAccept, Reason: "new ticket"},
			{At: at.Add(time.Millisecond), Kind: fleet.DecidedWait, Reason: "a crawler is being started for it"},
			{At: at.Add(5 * time.Millisecond), GUID: guidA, Kind: fleet.DecidedStart, Reason: "process/local-a is the cheapest"},
			{At: at.Add(2 * time.Second), GUID: guidA, Kind: fleet.DecidedBury, Reason: "killed by signal 9"},
			{At: at.Add(3210 * time.Millisecond), Kind: fleet.DecidedEnd, Reason: "done, 7 pages"},
		},
		bill: fleet.Bill{Tenant: "demo", Ticket: "done-1", Total: euro(150), Final: true, Lines: []fleet.LedgerLine{
			{Kind: fleet.LedgerSlot, Amount: euro(100)},
			{Kind: fleet.LedgerSlot, Amount: euro(23)},
			{Kind: fleet.LedgerStart, Amount: euro(27)},
		}},
		counters: fleet.Counters{Discovered: 5, Fetched: 2, InFlight: 1, Queued: 2},
	}
}

func (h *helm) CreateSchedule(_ context.Context, in fleet.ScheduleInput) (fleet.ScheduleRow, error) {
	h.schedules = append(h.schedules, in)
	return h.Schedule(context.Background(), in.Tenant, in.Name)
}

func (h *helm) Schedule(_ context.Context, t fleet.TenantID, n fleet.ScheduleName) (fleet.ScheduleRow, error) {
	return fleet.ScheduleRow{
		Tenant: t, Name: n, ID: fleet.ScheduleID(t, n), Cron: []string{"0 3 * * *"}, TimeZone: "Europe/Berlin",
		Overlap: fleet.OverlapSkip, Next: at.Add(18 * time.Hour), Started: 3, Skipped: 1,
	}, nil
}

func (h *helm) Schedules(ctx context.Context, t fleet.TenantID) ([]fleet.ScheduleRow, error) {
	one, err := h.Schedule(ctx, "demo", "nightly")
	two := one
	two.Name, two.Cron, two.Every, two.TimeZone, two.Paused = "news", nil, fleet.Duration(90*time.Minute), "", true
	return []fleet.ScheduleRow{one, two}, err
}

func (h *helm) PauseSchedule(_ context.Context, _ fleet.TenantID, n fleet.ScheduleName, _ string) error {
	h.steered = append(h.steered, "pause "+string(n))
	return nil
}

func (h *helm) ResumeSchedule(_ context.Context, _ fleet.TenantID, n fleet.ScheduleName, _ string) error {
	h.steered = append(h.steered, "resume "+string(n))
	return nil
}

func (h *helm) TriggerSchedule(_ context.Context, _ fleet.TenantID, n fleet.ScheduleName) error {
	h.steered = append(h.steered, "trigger "+string(n))
	return nil
}

func (h *helm) DeleteSchedule(_ context.Context, _ fleet.TenantID, n fleet.ScheduleName) error {
	h.steered = append(h.steered, "delete "+string(n))
	return nil
}

func (h *helm) Redeliver(_ context.Context, r fleet.RedeliverRequest) ([]fleet.DeliveryRef, error) {
	h.steered = append(h.steered, "redeliver "+string(r.Ticket))
	return []fleet.DeliveryRef{{Tenant: r.Tenant, ID: "msg_0123456789abcdef01234567"}}, nil
}
