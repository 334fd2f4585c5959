package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Deliveries holds what a message to a webhook needs: its row, and who makes the
// request.
type Deliveries struct {
	Desk    fleet.DeliveryDesk
	Poster  fleet.Poster
	Courier *Courier
	Count   Count
}

// Send makes one try and notes it. A message that is not pending is not sent again; a
// try whose success could not be noted is repeated, under the same id. A receiver that
// asks for a pause is given it, up to what the workflow's own would be at most.
func (d *Deliveries) Send(ctx context.Context, in fleet.DeliveryInput) error {
	row, err := d.Desk.Delivery(ctx, in.DeliveryRef)
	if err != nil {
		return ToTemporal(fmt.Errorf("read message %s: %w", in.ID, err))
	}
	if row.State != fleet.DeliveryPending {
		return nil
	}
	body, err := json.Marshal(row.Message) // the same bytes each time: maps are written in key order
	if err != nil {
		return fmt.Errorf("write message %s: %w", in.ID, err)
	}
	sent := d.Poster.Post(ctx, row, body)
	try := fleet.DeliveryTry{DeliveryRef: in.DeliveryRef, State: fleet.DeliveryDone}
	if sent != nil {
		try.State, try.Error = fleet.DeliveryPending, sent.Error()
	}
	if err := d.note(ctx, try); err != nil && sent == nil {
		return ToTemporal(err)
	}
	if sent == nil {
		d.Count.add(CountedTry, TryDelivered)
		return nil
	}
	d.Count.add(CountedTry, TryFailed)
	return retryAfter(sent, in.Retry.Most.Std())
}

// retryAfter is a failed try's error with the pause that the receiver asks for.
func retryAfter(err error, most time.Duration) error {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return err
	}
	asked := *e
	if most > 0 {
		asked.RetryAfter = min(asked.RetryAfter, fleet.Duration(most))
	}
	return ToTemporal(&asked)
}

// notePauses bounds how long a note insists: what is not noted is sent again.
const notePauses = 2 * time.Second

// note writes a try into the row, and insists: a receiver has answered already.
func (d *Deliveries) note(ctx context.Context, t fleet.DeliveryTry) error {
	var err error
	for pause := failPause; pause <= notePauses; pause *= 2 {
		if err = d.Desk.Tried(ctx, t); err == nil || fleet.CodeOf(err) != fleet.CodeInternal {
			break
		}
		if wait(ctx, pause) != nil {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("note the try of message %s: %w", t.ID, err)
		activity.GetLogger(ctx).Warn("deliver", "error", err)
	}
	return err
}

// SetAside gives a message up until somebody asks for it again. One that is gone, or was
// delivered after all, is left as it is.
func (d *Deliveries) SetAside(ctx context.Context, t fleet.DeliveryTry) error {
	t.State = fleet.DeliverySetAside
	err := d.Desk.Tried(ctx, t)
	if fleet.CodeOf(err) == fleet.CodeNotFound {
		return nil // its tenant was deleted
	}
	if err == nil {
		d.Count.add(CountedTry, TrySetAside)
	}
	return wrapped("set the message aside", err)
}

// Redeliver makes messages pending again and starts their workflows. It answers them; a
// repeat, after the first one's answer was lost, may answer fewer.
func (d *Deliveries) Redeliver(
	ctx context.Context, in fleet.RedeliverRequest,
) ([]fleet.DeliveryRef, error) {
	if err := in.Validate(); err != nil {
		return nil, ToTemporal(err)
	}
	refs, err := d.Desk.Redeliver(ctx, in)
	if err != nil {
		return nil, wrapped("make the messages pending again", err)
	}
	d.Courier.Tell(ctx, fleet.Follow{Deliveries: refs})
	return refs, nil
}
