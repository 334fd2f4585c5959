package main

import (
	"context"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

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
