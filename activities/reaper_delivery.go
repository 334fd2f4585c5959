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
)

// deliveries starts the workflows of messages whose start was lost. One that runs is
// left as it is.
func (r *Reaper) deliveries(ctx context.Context) error {
	refs, err := r.Control.Undelivered(ctx, undeliveredAge)
	if err != nil {
		return fmt.Errorf("list the undelivered messages: %w", err)
	}
	now, looked := time.Now(), map[fleet.DeliveryRef]time.Time{}
	var errs error
	started := 0
	for _, ref := range refs {
		at, known := r.looked[ref]
		switch {
		case known && now.Sub(at) < deliveryLook:
			looked[ref] = at
		case started < deliveriesMost:
			started++
			if err := r.Courier.Deliver(ctx, ref); err != nil {
				errs = errors.Join(errs, fmt.Errorf("start the delivery of %s: %w", ref.ID, err))
				continue
			}
			looked[ref] = now
			r.Count.add(CountedCure, CureDelivery)
		}
	}
	r.looked = looked // what is delivered is forgotten
	return errs
}
