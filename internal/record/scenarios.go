package main

import (
	"context"
	"encoding/json"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// scenario plays a part and answers the id of the workflow that is recorded.
type scenario struct {
	name string
	play func(context.Context, *stage) (string, error)
}

// scenarios are played in this order on one stage: the first ticket starts the
// crawler that the next ones find warm.
func scenarios() []scenario {
	return []scenario{
		{"ticket-cold", finished("cold-1", "", false)},
		{"conductor-start", conductor},
		{"ticket-warm", finished("warm-1", "", false)},
		{"ticket-session", finished("warm-2", `,"session":{"key":"s1"}`, true)},
		{"ticket-failed", finished("fail-1", "", false)},
		{"ticket-expired", finished("hang-1", `,"deadline":"2s"`, false)},
		{"ticket-cancelled", cancelled},
		{"ticket-answered", finished("hang-2", "", false)}, // its id has ended: the stored result
		{"ticket-moved", moved},
		{"crawler-lost", func(context.Context, *stage) (string, error) { return crawler(1), nil }},
		{"crawler-idle", func(ctx context.Context, s *stage) (string, error) {
			return crawler(2), s.closed(ctx, crawler(2))
		}},
		{"crawler-drained", drained},
		{"crawler-failed", refused},
		{"crawler-beside", beside},
		{"tenant-proven", tenant},
		{"delivery-delivered", delivered(nil, fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 500"), nil)},
		{"delivery-set-aside", delivered(nil, fleet.Errorf(fleet.CodeNotFound, "the receiver answered 410 Gone"))},
		{"delivery-expired", delivered(nil, fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 500"))},
		{"delivery-cancelled", delivered(cancel, fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 500"))},
		{"redelivery", redelivered},
	}
}

func crawler(n int) string { return fleet.CrawlerWorkflowID("acme", guid(n)) }

func finished(id fleet.TicketID, more string, bare bool) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		run, err := s.ticket(ctx, id, more, bare)
		if err != nil {
			return "", err
		}
		return run.GetID(), s.closed(ctx, run.GetID())
	}
}

func conductor(ctx context.Context, s *stage) (string, error) {
	id := fleet.ConductorWorkflowID("acme")
	return id, s.closed(ctx, id)
}

// crawling starts a ticket and waits until its crawl has begun.
func crawling(ctx context.Context, s *stage, id fleet.TicketID) (client.WorkflowRun, error) {
	run, err := s.ticket(ctx, id, "", false)
	if err != nil {
		return nil, err
	}
	return run, until(ctx, "its crawl begins", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.seen[id]
	})
}

func cancelled(ctx context.Context, s *stage) (string, error) {
	run, err := crawling(ctx, s, "hang-2")
	if err != nil {
		return "", err
	}
	if err := s.client.CancelWorkflow(ctx, run.GetID(), ""); err != nil {
		return "", err
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}

// moved kills the crawler under a ticket, which ends on another.
func moved(ctx context.Context, s *stage) (string, error) {
	run, err := crawling(ctx, s, "move-1")
	if err != nil {
		return "", err
	}
	s.provider.Kill(guid(1))
	if err := s.closed(ctx, crawler(1)); err != nil {
		return "", err
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}

// drained asks a crawler with a running ticket to drain.
func drained(ctx context.Context, s *stage) (string, error) {
	if _, err := crawling(ctx, s, "hang-3"); err != nil {
		return "", err
	}
	id := crawler(3)
	err := s.client.SignalWorkflow(ctx, id, "", fleet.SignalDrain,
		fleet.DrainRequest{Reason: "maintenance", Grace: fleet.Duration(drainFor)})
	if err != nil {
		return "", err
	}
	if err := s.closed(ctx, id); err != nil {
		return "", err
	}
	return id, s.client.CancelWorkflow(ctx, fleet.TicketWorkflowID("acme", "hang-3"), "")
}

// refused is a launch that the place has no room for.
func refused(ctx context.Context, s *stage) (string, error) {
	s.provider.Errors = []error{s.provider.Refusal(fleet.ClassCapacity)}
	in := s.store.Reserve(1)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.CrawlerWorkflowID(in.Tenant, in.GUID), TaskQueue: fleet.ControlQueue,
	}, fleet.CrawlerWorkflow, in)
	if err != nil {
		return "", err
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}

// beside is a crawler that its first activity launches, and that is idle for its life.
func beside(ctx context.Context, s *stage) (string, error) {
	s.provider.Beside = true
	defer func() { s.provider.Beside = false }()
	in := s.store.Reserve(1)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.CrawlerWorkflowID(in.Tenant, in.GUID), TaskQueue: fleet.ControlQueue,
	}, fleet.CrawlerWorkflow, in)
	if err != nil {
		return "", err
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}

// tenant provisions an account, changes its plan and deletes it.
func tenant(ctx context.Context, s *stage) (string, error) {
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID("beta"), TaskQueue: fleet.ControlQueue,
	}, fleet.TenantWorkflow, json.RawMessage(`{"tenant":"beta"}`))
	if err != nil {
		return "", err
	}
	if err := until(ctx, "it is ready", func() bool { // the row is, a moment before the workflow
		var status fleet.TenantStatus
		v, err := s.client.QueryWorkflow(ctx, run.GetID(), "", fleet.TenantQuery)
		return err == nil && v.Get(&status) == nil && status.State == fleet.TenantReady
	}); err != nil {
		return "", err
	}
	for _, u := range []client.UpdateWorkflowOptions{
		{UpdateName: fleet.TenantApply, Args: []any{json.RawMessage(`{"tenant":"beta","plan":{"maxCrawlers":2}}`)}},
		{UpdateName: fleet.TenantDelete},
	} {
		u.WorkflowID, u.WaitForStage = run.GetID(), client.WorkflowUpdateStageCompleted
		handle, err := s.client.UpdateWorkflow(ctx, u)
		if err != nil {
			return "", err
		}
		if err := handle.Get(ctx, nil); err != nil {
			return "", err
		}
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}

// drainFor is long enough for two looks at the leases.
const drainFor = time.Second

func guid(n int) fleet.GUID { return activitytest.GUID(n) }
