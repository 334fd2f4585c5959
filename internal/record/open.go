package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// away is a store that will be back: what asks it waits.
var away = fleet.Errorf(fleet.CodeUnavailable, "the store is away")

// open are the states in which a workflow waits. They are recorded as they are found
// there, on a stage of their own, since what waits stays there.
func open() []scenario {
	return []scenario{
		{"crawler-reserved", held("Launching")},
		{"crawler-starting", starting},
		{"crawler-serving", serving},
		{"ticket-running", func(ctx context.Context, s *stage) (string, error) {
			run, err := crawling(ctx, s, "hang-4")
			if err != nil {
				return "", err
			}
			return run.GetID(), nil
		}},
		{"crawler-draining", draining},
		{"crawler-drained-twice", drainedTwice},
		{"crawler-retired", retired},
		{"delivery-pending", pending},
		{"tenant-provisioning", provisioning},
		{"tenant-ready", ready},
		{"tenant-suspended", steered(fleet.TenantSuspend, fleet.TenantSuspended)},
		{"tenant-resumed", steered(fleet.TenantResume, fleet.TenantReady)},
		{"tenant-deleting", deleting},
		{"tenant-failed", failing},
	}
}

// tenantID is the tenant whose life is recorded from state to state.
const tenantID = "beta"

// called waits until the store was asked something again.
func (s *stage) called(ctx context.Context, method string, before int) error {
	return until(ctx, method+" is asked", func() bool { return s.count(method) > before })
}

func (s *stage) count(method string) int {
	n := 0
	for _, c := range s.store.Calls() {
		if c == method {
			n++
		}
	}
	return n
}

// launched starts a crawler and answers the id of its workflow.
func (s *stage) launched(ctx context.Context) (string, fleet.GUID, error) {
	in := s.store.Reserve(1)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.CrawlerWorkflowID(in.Tenant, in.GUID), TaskQueue: fleet.ControlQueue,
	}, fleet.CrawlerWorkflow, in)
	if err != nil {
		return "", "", err
	}
	return run.GetID(), in.GUID, nil
}

// held is a crawler whose workflow the store holds up in a step.
func held(method string) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		s.store.Fail(method, away)
		before := s.count(method)
		id, _, err := s.launched(ctx)
		return id, errOr(err, func() error { return s.called(ctx, method, before) })
	}
}

// starting is a crawler that was launched and has not said Hello.
func starting(ctx context.Context, s *stage) (string, error) {
	s.store.Fail("Launching", nil)
	s.mute.Store(true)
	defer s.mute.Store(false)
	before := s.count("Launched")
	id, _, err := s.launched(ctx)
	return id, errOr(err, func() error { return s.called(ctx, "Launched", before) })
}

// serving is the crawler that the next plays go on with.
func serving(ctx context.Context, s *stage) (string, error) {
	id, guid, err := s.launched(ctx)
	s.last = guid
	return id, errOr(err, func() error { return s.at(ctx, id, fleet.CrawlerServing) })
}

// at waits until a crawler's workflow is in a state.
func (s *stage) at(ctx context.Context, id string, state fleet.CrawlerState) error {
	return until(ctx, "it is "+string(state), func() bool {
		var row fleet.CrawlerRow
		v, err := s.client.QueryWorkflow(ctx, id, "", fleet.CrawlerQuery)
		return err == nil && v.Get(&row) == nil && row.State == state
	})
}

func (s *stage) drain(ctx context.Context, id string, grace time.Duration) error {
	return s.client.SignalWorkflow(ctx, id, "", fleet.SignalDrain,
		fleet.DrainRequest{Reason: "maintenance", Grace: fleet.Duration(grace)})
}

// draining is a crawler that waits for its ticket.
func draining(ctx context.Context, s *stage) (string, error) {
	id := fleet.CrawlerWorkflowID("acme", s.last)
	if err := s.drain(ctx, id, time.Hour); err != nil {
		return "", err
	}
	return id, s.at(ctx, id, fleet.CrawlerDraining)
}

// drainedTwice is the same, told to be quicker.
func drainedTwice(ctx context.Context, s *stage) (string, error) {
	id := fleet.CrawlerWorkflowID("acme", s.last)
	if err := s.drain(ctx, id, drainFor); err != nil {
		return "", err
	}
	if err := s.closed(ctx, id); err != nil {
		return "", err
	}
	return id, s.client.CancelWorkflow(ctx, fleet.TicketWorkflowID("acme", "hang-4"), "")
}

// retired is a crawler without a place, whose books cannot be closed.
func retired(ctx context.Context, s *stage) (string, error) {
	s.provider.Errors = []error{s.provider.Refusal(fleet.ClassCapacity)}
	id, err := held("Gone")(ctx, s)
	s.store.Fail("Gone", nil)
	return id, err
}

// pending is a message whose receiver is down.
func pending(ctx context.Context, s *stage) (string, error) {
	s.receiver.Answer(fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 500"))
	ref := s.store.Message("told-open", fleet.NoticeDone, "https://example.com/hook")
	id := fleet.DeliveryWorkflowID(ref.Tenant, ref.ID)
	_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: fleet.ControlQueue,
	}, fleet.DeliveryWorkflow, fleet.DeliveryInput{DeliveryRef: ref, Retry: fleet.DeliveryRetry{
		First: fleet.Duration(time.Hour),
	}})
	return id, errOr(err, func() error { return s.called(ctx, "Tried", 0) })
}

// provisioning is a tenant whose database cannot be made yet.
func provisioning(ctx context.Context, s *stage) (string, error) {
	s.store.Fail("Create", away)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID(tenantID), TaskQueue: fleet.ControlQueue,
	}, fleet.TenantWorkflow, json.RawMessage(`{"tenant":"beta"}`))
	if err != nil {
		return "", err
	}
	return run.GetID(), s.called(ctx, "Create", 0)
}

func ready(ctx context.Context, s *stage) (string, error) {
	s.store.Fail("Create", nil)
	id := fleet.TenantWorkflowID(tenantID)
	return id, s.tenantIs(ctx, id, fleet.TenantReady)
}

func (s *stage) tenantIs(ctx context.Context, id string, states ...fleet.TenantState) error {
	return until(ctx, "the tenant is there", func() bool {
		var status fleet.TenantStatus
		v, err := s.client.QueryWorkflow(ctx, id, "", fleet.TenantQuery)
		return err == nil && v.Get(&status) == nil && slices.Contains(states, status.State)
	})
}

// steered is a tenant after an update.
func steered(
	update string, state fleet.TenantState,
) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		id := fleet.TenantWorkflowID(tenantID)
		handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		return id, errOr(err, func() error { return s.tenantIs(ctx, id, state) })
	}
}

// deleting is a tenant whose database cannot be removed yet.
func deleting(ctx context.Context, s *stage) (string, error) {
	s.store.Fail("Destroy", away)
	defer s.store.Fail("Destroy", nil)
	before := s.count("Destroy")
	id, err := steered(fleet.TenantDelete, fleet.TenantDeleting)(ctx, s)
	return id, errOr(err, func() error { return s.called(ctx, "Destroy", before) })
}

// failing is a tenant without a place for its proof.
func failing(ctx context.Context, s *stage) (string, error) {
	s.provider.Errors = []error{s.provider.Refusal(fleet.ClassCapacity)}
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID("gamma"), TaskQueue: fleet.ControlQueue,
	}, fleet.TenantWorkflow, json.RawMessage(`{"tenant":"gamma"}`))
	if err != nil {
		return "", err
	}
	return run.GetID(), s.closed(ctx, run.GetID())
}
