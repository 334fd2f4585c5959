package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// delete removes the account, in the order in which things depend on each other:
// no new tickets, no running ones, no crawlers, no database, no rows. Each step is
// repeated until it is done; the steps are the proof, and the workflow's result.
func (t *tenant) delete(ctx workflow.Context) error {
	clean, _ := workflow.NewDisconnectedContext(ctx) // half a deletion helps nobody
	t.status.Steps = nil
	t.at(clean, fleet.TenantDeleting)
	for _, step := range t.removals() {
		if err := t.take(clean, &saga{}, step); err != nil {
			t.status.Error = activities.FromTemporal(err)
			return plain(err)
		}
	}
	t.at(clean, fleet.TenantDeleted)
	return nil
}

func (t *tenant) removals() []step {
	var a *activities.Tenants
	id := t.in.Tenant
	call := func(ctx workflow.Context, out, activity, in any) error {
		return workflow.ExecuteActivity(
			workflow.WithActivityOptions(ctx, eraseOptions()), activity, in).Get(ctx, out)
	}
	return []step{
		{name: "closed for tickets", do: func(ctx workflow.Context) (string, error) {
			return "", call(ctx, nil, a.MoveTenant,
				activities.MoveInput{Tenant: id, State: fleet.TenantDeleting, Reason: "deleted"})
		}},
		{name: "tickets", do: func(ctx workflow.Context) (string, error) {
			var n int
			err := call(ctx, &n, a.EndTickets, id)
			return fmt.Sprintf("%d cancelled", n), err
		}},
		{name: "crawlers", do: func(ctx workflow.Context) (string, error) {
			var n int
			err := call(ctx, &n, a.EndCrawlers, id)
			return fmt.Sprintf("%d stopped", n), err
		}},
		{name: "database", do: func(ctx workflow.Context) (string, error) {
			return "removed", call(ctx, nil, a.DestroyDatabase, id)
		}},
		{name: "rows", do: func(ctx workflow.Context) (string, error) {
			var removed string
			err := call(ctx, &removed, a.EraseRows, id)
			return removed, err
		}},
	}
}
