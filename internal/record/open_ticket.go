package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// waits are the states of a ticket for which no crawler comes, and of the Conductor that
// looks for one.
func waits() []scenario {
	return []scenario{
		{"ticket-closing", closing},
		{"ticket-limited", limited},
		{"ticket-scheduled", waiting("wait-1", `,"startAt":"72h"`, fleet.WaitScheduled)},
		{"ticket-waiting", waiting("wait-2", "", fleet.WaitStarting)},
		{"conductor-waiting", conducting},
		{"ticket-paused", paused},
	}
}

// closing is a ticket whose end cannot be recorded yet.
func closing(ctx context.Context, s *stage) (string, error) {
	if _, err := serving(ctx, s); err != nil {
		return "", err
	}
	s.store.Fail("Record", away)
	defer s.store.Fail("Record", nil)
	before := s.count("Record")
	run, err := s.ticket(ctx, "close-1", "", false)
	if err != nil {
		return "", err
	}
	return run.GetID(), s.called(ctx, "Record", before)
}

// limited is a ticket that has cost what it may.
func limited(ctx context.Context, s *stage) (string, error) {
	if err := s.closed(ctx, fleet.TicketWorkflowID("acme", "close-1")); err != nil {
		return "", err
	}
	s.store.Affords = 2 * time.Second
	id, err := finished("hang-5", `,"maxCost":{"micros":1000,"currency":"EUR"}`, false)(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.clear(ctx)
}

// clear drains what serves: the tickets that come now have to wait.
func (s *stage) clear(ctx context.Context) error {
	rows, err := s.store.Crawlers(ctx, "acme")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.State != fleet.CrawlerServing {
			continue
		}
		id := fleet.CrawlerWorkflowID("acme", row.GUID)
		if err := s.drain(ctx, id, drainFor); err != nil {
			return err
		}
		if err := s.closed(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// waiting is a ticket that waits for a reason.
func waiting(
	id fleet.TicketID, more string, why fleet.WaitCode,
) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		run, err := s.ticket(ctx, id, more, false)
		if err != nil {
			return "", err
		}
		return run.GetID(), s.waitsFor(ctx, run.GetID(), why)
	}
}

func (s *stage) waitsFor(ctx context.Context, id string, why fleet.WaitCode) error {
	return until(ctx, "it waits", func() bool {
		var status fleet.TicketStatus
		v, err := s.client.QueryWorkflow(ctx, id, "", fleet.TicketQuery)
		return err == nil && v.Get(&status) == nil && status.Wait != nil && status.Wait.Code == why
	})
}

// conducting is the Conductor of that ticket, which looks again later.
func conducting(ctx context.Context, s *stage) (string, error) {
	id := fleet.ConductorWorkflowID("acme")
	return id, until(ctx, "it has decided", func() bool {
		var d fleet.Decision
		v, err := s.client.QueryWorkflow(ctx, id, "", fleet.ConductorQuery)
		return err == nil && v.Get(&d) == nil && !d.Wake.IsZero()
	})
}

func paused(ctx context.Context, s *stage) (string, error) {
	id := fleet.TicketWorkflowID("acme", "wait-2")
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: fleet.TicketPause,
		Args:         []any{fleet.SteerRequest{Reason: "the site is slow"}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	return id, errOr(err, func() error { return s.waitsFor(ctx, id, fleet.WaitPaused) })
}
