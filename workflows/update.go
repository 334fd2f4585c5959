package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// update is one update of a workflow, whose argument R is read strictly at the door:
// by the validator, so that what is refused leaves no trace in the history.
type update[R fleet.Request, A any] struct {
	name, description string
	check             func(R) error // may be nil; changes nothing
	do                func(workflow.Context, R) (A, error)
}

func (u update[R, A]) register(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, u.name,
		func(ctx workflow.Context, raw json.RawMessage) (answer A, err error) {
			r, err := fleet.ParseRequest[R](raw)
			if err != nil {
				return answer, activities.ToTemporal(err)
			}
			return u.do(ctx, r)
		},
		workflow.UpdateHandlerOptions{
			Description: u.description,
			Validator: func(raw json.RawMessage) error {
				r, err := fleet.ParseRequest[R](raw)
				if err == nil && u.check != nil {
					err = u.check(r)
				}
				return activities.ToTemporal(err)
			},
		})
}

// hearing is the channel of a signal, with what the signal is for.
func hearing(ctx workflow.Context, name, description string) workflow.ReceiveChannel {
	return workflow.GetSignalChannelWithOptions(ctx, name,
		workflow.SignalChannelOptions{Description: description})
}
