package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// The versions of a deletion: the first had no proof.
const (
	changeDeletion = "deletion"
	deletionProven = 1
	// deletionRounds bounds how often what is left is removed again before it is an error.
	deletionRounds = 3
)

// delete removes the account, in the order in which things depend on each other: no
// new tickets, no running ones, no crawlers, no logs, no database, no rows, no
// workflows; then it looks everywhere for what is left. Each step is repeated until it
// is done; the steps are the proof, and the workflow's result.
func (t *tenant) delete(ctx workflow.Context) error {
	clean, _ := workflow.NewDisconnectedContext(ctx) // half a deletion helps nobody
	t.status.Steps, t.status.Keys = nil, nil
	t.at(clean, fleet.TenantDeleting)
	proven := workflow.GetVersion(clean, changeDeletion, workflow.DefaultVersion, deletionProven)
	steps := t.removals(proven >= deletionProven)
	for round := 1; ; round++ {
		if err := t.remove(clean, steps); err != nil {
			return t.undeleted(err)
		}
		if proven < deletionProven {
			break
		}
		left, err := t.lookForTraces(clean)
		if err != nil {
			return t.undeleted(err)
		}
		if left == "" {
			break
		}
		if round == deletionRounds {
			return t.undeleted(activities.ToTemporal(fleet.Errorf(fleet.CodeConflict,
				"this still carries the name of the tenant: "+left).
				WithHint("start its workflow again, which goes on with the deletion")))
		}
	}
	t.at(clean, fleet.TenantDeleted)
	return nil
}

func (t *tenant) undeleted(err error) error {
	t.status.Error = activities.FromTemporal(err)
	return plain(err)
}

func (t *tenant) remove(ctx workflow.Context, steps []step) error {
	for _, step := range steps {
		if err := t.take(ctx, &saga{}, step); err != nil {
			return err
		}
	}
	return nil
}

// lookForTraces is the last step: it answers what is left, by place, and "" for nothing.
func (t *tenant) lookForTraces(ctx workflow.Context) (left string, err error) {
	var a *activities.Tenants
	err = t.take(ctx, &saga{}, step{name: "proof", do: func(ctx workflow.Context) (string, error) {
		var found map[string]int64
		if err := erase(ctx, "look for what is left", &found, a.FindTraces, t.in.Tenant); err != nil {
			return "", err
		}
		var parts []string
		for _, place := range workflow.DeterministicKeys(found) {
			parts = append(parts, fmt.Sprintf("%s %d", place, found[place]))
		}
		if left = strings.Join(parts, ", "); left != "" {
			return "left: " + left, nil
		}
		return "nothing is left in the stores, at the providers and in Temporal", nil
	}})
	return left, err
}

// erase calls an activity of a deletion, or one that undoes.
func erase(ctx workflow.Context, said string, out, activity any, in ...any) error {
	return workflow.ExecuteActivity(
		workflow.WithActivityOptions(ctx, eraseOptions(said)), activity, in...).Get(ctx, out)
}

// counted is a step that answers how many there were.
func counted(name, said, did string, activity any, id fleet.TenantID) step {
	return step{name: name, do: func(ctx workflow.Context) (string, error) {
		var n int
		err := erase(ctx, said, &n, activity, id)
		return fmt.Sprintf("%d %s", n, did), err
	}}
}

// removals are the steps of a deletion; those of the first version had no proof.
func (t *tenant) removals(proven bool) []step {
	var a *activities.Tenants
	id := t.in.Tenant
	steps := []step{
		{name: "closed for tickets", do: func(ctx workflow.Context) (string, error) {
			if proven {
				return "", erase(ctx, "close it for tickets", nil, a.Condemn, id, t.farewell)
			}
			return "", erase(ctx, "close it for tickets", nil, a.MoveTenant,
				activities.MoveInput{Tenant: id, State: fleet.TenantDeleting, Reason: "deleted"})
		}},
		counted("tickets", "cancel the open tickets", "cancelled", a.EndTickets, id),
		counted("crawlers", "stop the crawlers", "stopped", a.EndCrawlers, id),
	}
	if proven {
		steps = append(steps,
			counted("logs", "remove the crawlers' logs and records", "removed", a.PurgeCrawlers, id))
	}
	steps = append(steps,
		step{name: "database", do: func(ctx workflow.Context) (string, error) {
			return "removed", erase(ctx, "remove the database", nil, a.DestroyDatabase, id)
		}},
		step{name: "rows", do: func(ctx workflow.Context) (string, error) {
			var removed string
			err := erase(ctx, "remove the rows", &removed, a.EraseRows, id)
			return removed, err
		}})
	if proven { // after the rows: the reaper starts again what they ask for
		steps = append(steps,
			counted("workflows", "remove the workflows and schedules", "removed", a.DeleteWorkflows, id))
	}
	return steps
}
