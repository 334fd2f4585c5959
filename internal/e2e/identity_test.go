package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

func TestTicketID_FinishedOneGivenAgainAnswersItsStoredResult(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	submit := func() (r fleet.TicketResult) {
		f.Crawlfleet(t, "", "ticket", "submit", s.ShopURL("/about"), "-t", string(a.ID), "--id", "again",
			"--max-depth", "0", "--wait", "-o", "json").OK(t).Into(t, &r)
		return r
	}
	first := submit()
	require.Equal(t, fleet.OutcomeDone, first.Outcome)
	second := submit()
	require.Equal(t, first.Times, second.Times)
	require.Equal(t, first.Counters, second.Counters)
	require.Equal(t, 1, s.Count("/about"), "nothing was fetched again")

	// The stock command line gets the same, under a workflow id of its own.
	said := f.TemporalCLI(t, "workflow", "execute", "--type", "Ticket", "--task-queue", "crawlfleet",
		"--workflow-id", "by-hand-"+string(a.ID), "--input", show(map[string]any{
			"tenant": a.ID, "id": "again", "urls": []string{s.ShopURL("/about")},
			"scope": map[string]any{"maxDepth": 0},
		})).OK(t)
	require.Contains(t, said.Out, `"outcome":"done"`)
	require.Equal(t, 1, s.Count("/about"))
}

func TestTicketID_SameOneWithOtherContentIsAConflictThatNamesTheField(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{})
	running, ended := hold(s), page(s.ShopURL("/about"))
	running.ID, ended.ID = "running", "ended"
	held := a.Submit(running)
	held.Leased()
	a.Submit(ended).Done()

	for id, url := range map[string]string{"running": s.ShopURL(sample.SlowPath), "ended": s.ShopURL("/about")} {
		e := f.Crawlfleet(t, show(map[string]any{
			"tenant": a.ID, "id": id, "urls": []string{url}, "priority": 1,
			"scope": map[string]any{"maxDepth": 0},
			"fetch": map[string]any{"delay": "0s", "timeout": map[bool]string{true: "10m", false: "30s"}[id == "running"]},
		}), "ticket", "submit", "-f", "-", "--wait", "-o", "json").Error(t)
		require.Equal(t, fleet.CodeConflict, e.Code, "%s: %+v", id, e)
		require.Equal(t, "priority", e.Field, "%s: %+v", id, e)
	}
	same := a.Submit(running) // attaches
	require.Equal(t, held.RunID, same.RunID)
	held.Cancel()
	held.End()
}
