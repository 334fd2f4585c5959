package main

import (
	"context"
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// full are the runs that end by continuing as new, each followed by the run that goes on.
// They are played on a server that suggests it after a few events.
func full() []scenario {
	return []scenario{
		{"ticket-continues", ticketContinues},
		{"ticket-continued", func(ctx context.Context, s *stage) (string, error) {
			id := fleet.TicketWorkflowID("acme", "wait-3")
			return id, s.waitsFor(ctx, id, fleet.WaitStarting)
		}},
		{"conductor-continues", conductorContinues},
		{"conductor-continued", conducting},
		{"tenant-continues", tenantContinues},
		{"tenant-continued", func(ctx context.Context, s *stage) (string, error) {
			id := fleet.TenantWorkflowID(tenantID)
			return id, s.called(ctx, "OpenTenant", 1)
		}},
	}
}

// continues does something to a workflow until it continues as new, and has the run
// recorded that did.
func (s *stage) continues(ctx context.Context, id string, do func() error) error {
	first, err := s.latest(ctx, id)
	if err != nil {
		return err
	}
	const enough = 20 // times, of some events each
	for range enough {
		if err := do(); err != nil {
			return err
		}
		run, err := s.latest(ctx, id)
		if err != nil {
			return err
		}
		if run != first {
			s.run = first
			return nil
		}
	}
	return errors.New("it does not continue as new")
}

func (s *stage) latest(ctx context.Context, id string) (string, error) {
	d, err := s.client.DescribeWorkflowExecution(ctx, id, "")
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId(), err
}

// update sends an update and waits for its answer.
func (s *stage) update(ctx context.Context, id, name string, args ...any) error {
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	return errOr(err, func() error { return handle.Get(ctx, nil) })
}

// ticketContinues is a ticket that waits, is paused and resumed, and told again and again
// of a slot that it does not get.
func ticketContinues(ctx context.Context, s *stage) (string, error) {
	id, err := waiting("wait-3", "", fleet.WaitStarting)(ctx, s)
	if err != nil {
		return "", err
	}
	request := fleet.SteerRequest{Reason: "the site is slow"}
	for _, name := range []string{fleet.TicketPause, fleet.TicketResume} {
		if err := s.update(ctx, id, name, request); err != nil {
			return "", err
		}
	}
	return id, s.continues(ctx, id, func() error {
		before := s.count("Route")
		return errOr(s.client.SignalWorkflow(ctx, id, "", fleet.SignalGranted, nil), func() error {
			return s.called(ctx, "Route", before)
		})
	})
}

// conductorContinues is the Conductor of that ticket, which is told again and again.
func conductorContinues(ctx context.Context, s *stage) (string, error) {
	id, err := conducting(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.continues(ctx, id, func() error {
		before := s.count("Decide")
		return errOr(s.client.SignalWorkflow(ctx, id, "", fleet.SignalDemand, nil), func() error {
			return s.called(ctx, "Decide", before)
		})
	})
}

// tenantContinues is an account whose plan is changed as soon as it is ready.
func tenantContinues(ctx context.Context, s *stage) (string, error) {
	s.store.Wake = 0 // its proof has to be started
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID(tenantID), TaskQueue: fleet.ControlQueue,
	}, fleet.TenantWorkflow, json.RawMessage(`{"tenant":"beta"}`))
	if err != nil {
		return "", err
	}
	id := run.GetID()
	s.run = run.GetRunID()
	return id, errOr(s.tenantIs(ctx, id, fleet.TenantReady), func() error {
		return s.update(ctx, id, fleet.TenantPlan, json.RawMessage(`{"plan":{"maxCrawlers":2}}`))
	})
}
