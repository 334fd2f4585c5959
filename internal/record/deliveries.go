package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// delivered brings a message to a receiver that answers these. What is done in the
// midst of it begins when it was tried once.
func delivered(
	midst func(context.Context, *stage, string) error, answers ...error,
) func(context.Context, *stage) (string, error) {
	return func(ctx context.Context, s *stage) (string, error) {
		s.receiver.Answer(answers...)
		s.told++
		ref := s.store.Message(fleet.TicketID(fmt.Sprintf("told-%d", s.told)), fleet.NoticeDone,
			"https://example.com/hook")
		id := fleet.DeliveryWorkflowID(ref.Tenant, ref.ID)
		_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id, TaskQueue: fleet.ControlQueue,
		}, fleet.DeliveryWorkflow, fleet.DeliveryInput{DeliveryRef: ref, Retry: fleet.DeliveryRetry{
			First: fleet.Duration(time.Second), For: fleet.Duration(2500 * time.Millisecond),
		}})
		if err != nil || midst == nil {
			return id, errOr(err, func() error { return s.closed(ctx, id) })
		}
		tried := func() bool {
			d, err := s.store.Delivery(ctx, ref)
			return err == nil && d.Tries > 0
		}
		if err := until(ctx, "it is tried", tried); err != nil {
			return id, err
		}
		return id, errOr(midst(ctx, s, id), func() error { return s.closed(ctx, id) })
	}
}

func errOr(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func cancel(ctx context.Context, s *stage, id string) error {
	return s.client.CancelWorkflow(ctx, id, "")
}

// redelivered has the message brought again that the play before set aside.
func redelivered(ctx context.Context, s *stage) (string, error) {
	ticket := fleet.TicketID(fmt.Sprintf("told-%d", s.told))
	id := fleet.RedeliveryWorkflowID("acme", ticket)
	_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: fleet.ControlQueue,
	}, fleet.RedeliveryWorkflow, fleet.RedeliverRequest{Tenant: "acme", Ticket: ticket})
	return id, errOr(err, func() error { return s.closed(ctx, id) })
}
