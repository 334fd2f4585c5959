package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// undeliveredAge is when a message is looked at: its workflow is started right after
	// the transaction that made it.
	undeliveredAge = time.Minute
	// deliveryLook is the pause between two looks at one message whose receiver is down:
	// it is pending for a day then, and its workflow runs.
	deliveryLook = 15 * time.Minute
	// deliveriesMost bounds the workflows that are started in one round: a receiver that
	// is down for a day may leave thousands of messages.
	deliveriesMost = 100
	// deliveriesPage is how many messages are read at a time, deliveriesPages how often in
	// one round: after a day without a receiver there may be a million.
	deliveriesPage  = 500
	deliveriesPages = 10
)

// deliveries starts the workflows of messages whose start was lost. One that runs is left
// as it is. A round goes on where the one before has stopped, and begins anew at the end.
func (r *Reaper) deliveries(ctx context.Context) error {
	now := time.Now()
	for ref, at := range r.looked {
		if now.Sub(at) >= deliveryLook { // or it is delivered: forgotten in either case
			delete(r.looked, ref)
		}
	}
	var errs error
	started := 0
	for range deliveriesPages {
		page, err := r.Control.Undelivered(ctx, undeliveredAge, r.undelivered, deliveriesPage)
		if err != nil {
			return errors.Join(errs, fmt.Errorf("list the undelivered messages: %w", err))
		}
		for _, u := range page {
			if _, known := r.looked[u.DeliveryRef]; known {
				r.undelivered = u
				continue
			}
			if started == deliveriesMost {
				return errs
			}
			started++
			r.undelivered = u
			errs = errors.Join(errs, r.redeliver(ctx, u.DeliveryRef, now))
		}
		if len(page) < deliveriesPage {
			r.undelivered = fleet.Undelivered{}
			return errs
		}
	}
	return errs
}

func (r *Reaper) redeliver(ctx context.Context, ref fleet.DeliveryRef, now time.Time) error {
	if err := r.Courier.Deliver(ctx, ref); err != nil {
		return fmt.Errorf("start the delivery of %s: %w", ref.ID, err)
	}
	if r.looked == nil {
		r.looked = map[fleet.DeliveryRef]time.Time{}
	}
	r.looked[ref] = now
	r.Count.add(CountedCure, CureDelivery)
	return nil
}
