package activities_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// healed reads the cases of the marked tables: the first two cells of each row.
func healed(t *testing.T) []string {
	t.Helper()
	const begin, end = "<!-- healed -->\n", "<!-- /healed -->"
	b, err := os.ReadFile("../docs/healing.md")
	require.NoError(t, err)
	var cases []string
	parts := strings.Split(string(b), begin)
	require.Greater(t, len(parts), 1, "docs/healing.md has no marked table")
	for _, part := range parts[1:] {
		table, _, found := strings.Cut(part, end)
		require.True(t, found)
		rows := strings.Split(strings.TrimSpace(table), "\n")
		for _, row := range rows[2:] { // below the head and its line
			cells := strings.Split(row, "|")
			require.Len(t, cells, 5, row)
			cases = append(cases, strings.TrimSpace(cells[1])+" / "+strings.TrimSpace(cells[2]))
		}
	}
	return cases
}

// TestHealing_EachRowOfTheDocsIsPlayed: the table of cases and cures is the test.
func TestHealing_EachRowOfTheDocsIsPlayed(t *testing.T) {
	t.Parallel()
	plays := healing()
	for _, c := range healed(t) {
		play, ok := plays[c]
		delete(plays, c)
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			require.True(t, ok, "nobody plays this row")
			play(t, newDesk())
		})
	}
	require.Empty(t, plays, "played, and in no table")
}

// healing plays each case and looks for its cure.
func healing() map[string]func(*testing.T, *desk) {
	return map[string]func(*testing.T, *desk){
		"lease, older than 5 s / closed, or none":                                                                             healLease,
		"ticket `closing` / closed, or none":                                                                                  healClosing,
		"crawler `reserved`, over 1 min / closed, or none":                                                                    healReserved,
		"ticket `waiting` or `running`, not heard of for 1 min / closed, or none":                                             healWaiting,
		"crawler in any other live state / closed (terminated by hand, say), or none":                                         healTerminated,
		"message to a webhook, pending for 1 min / closed, or none":                                                           healMessage,
		"lease, older than 5 s / runs, with a crawl from before that lease":                                                   healOvertaken,
		"lease, older than 5 s / runs, with a crawl that was handed out 10 s ago, and its crawler says that it has none such": healMislaid,
		"a ticket waits for a decision, or for a moment that has passed; a crawler is reserved and not started; 5 s / any":    healOverlooked,
		"any other / runs": healNothing(func(*testing.T, *desk) {}, false),
		"any / Temporal does not answer": healNothing(func(_ *testing.T, d *desk) {
			d.temporal.Err = serviceerror.NewUnavailable("away")
		}, true),
		"crawler that was launched over 1 min ago / has it not": healExited(func(d *desk, g fleet.GUID) {
			d.provider.Kill(g)
		}),
		"crawler that was launched over 1 min ago / has it, ended": healExited(func(d *desk, g fleet.GUID) {
			d.provider.Kill(g)
			d.provider.Put(fleet.Instance{Key: d.key(g), Phase: fleet.PhaseExited})
		}),
		"crawler that was launched a moment ago / has it not": func(t *testing.T, d *desk) {
			guid := d.launched(t, 0)
			d.provider.Kill(guid)
			require.NoError(t, d.reaper.Round(t.Context()))
			require.Empty(t, d.temporal.Messages("signal"))
		},
		"none that is live, no workflow / has it, twice in a row; it runs and is over 1 min old": healOrphan,
		"none that is live, no workflow / has it, it is younger": keepsOthers(
			fleet.Instance{CreatedAt: time.Now(), Phase: fleet.PhaseRunning}, "test", false),
		"none that is live, its workflow runs / has it, it runs": keepsOthers(
			fleet.Instance{Phase: fleet.PhaseRunning}, "test", true),
		"none that is live / has it, ended": keepsOthers(
			fleet.Instance{Phase: fleet.PhaseExited}, "test", false),
		"any / failed, or only a part came": healNothing(func(_ *testing.T, d *desk) {
			d.provider.Put(fleet.Instance{Key: d.key(activitytest.GUID(9)), Phase: fleet.PhaseRunning})
			d.temporal.Close(fleet.CrawlerWorkflowID("acme", activitytest.GUID(9)))
			d.provider.Kill(activitytest.GUID(1))
			d.provider.ListError = d.provider.Refusal(fleet.ClassRetryable)
		}, true),
		"any / has one of another fleet": keepsOthers(
			fleet.Instance{Phase: fleet.PhaseRunning}, "foreign", false),
		"none / has it not: started by hand with our labels": func(t *testing.T, _ *desk) {
			c := activities.NewContainer(activities.ContainerOptions{
				GUID: activitytest.GUID(9), MainAt: time.Now(), LaunchBudget: time.Millisecond, OrphanAfter: time.Hour,
			})
			require.Equal(t, fleet.CodeTimeout, fleet.CodeOf(c.Watch(t.Context())))
		},
	}
}

func (d *desk) key(g fleet.GUID) fleet.Key { return fleet.Key{Fleet: "test", Tenant: "acme", GUID: g} }

// launched is a crawler that was launched so long ago and serves.
func (d *desk) launched(t *testing.T, ago time.Duration) fleet.GUID {
	t.Helper()
	d.later(-ago)
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	_, err = d.store.Serving(t.Context(), in.GUID, fleet.Hello{Contract: fleet.ContractVersion})
	require.NoError(t, err)
	d.later(0)
	return in.GUID
}

// ends makes rounds and wants a ticket to be ended as cancelled.
func (d *desk) ends(t *testing.T, id fleet.TicketID) {
	t.Helper()
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.TicketEnded, d.store.Ticket(id).State)
	require.Equal(t, fleet.OutcomeCancelled, d.store.Ticket(id).Result.Outcome)
	require.Equal(t, []string{activities.CureTicket}, d.counted)
}

func healLease(t *testing.T, d *desk) {
	d.store.Crawler(1)
	d.route(t, "t1")
	d.route(t, "next")
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	d.later(leaseAge)
	d.ends(t, "t1")
	require.Equal(t, fleet.TicketRunning, d.store.Ticket("next").State, "the slot goes on")
}

func healClosing(t *testing.T, d *desk) {
	d.route(t, "t1")
	_, err := d.store.Intend(t.Context(), fleet.Intent{Tenant: "acme", Ticket: "t1", Outcome: fleet.OutcomeExpired})
	require.NoError(t, err)
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	d.later(2 * time.Minute)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.OutcomeExpired, d.store.Ticket("t1").Result.Outcome)
}

func healWaiting(t *testing.T, d *desk) {
	d.route(t, "t1")
	d.temporal.Close(fleet.TicketWorkflowID("acme", "t1"))
	d.later(2 * time.Minute)
	d.ends(t, "t1")
}

func healReserved(t *testing.T, d *desk) {
	d.later(-2 * time.Minute)
	in := d.store.Reserve(1)
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", in.GUID))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.CrawlerGone, d.store.Row(in.GUID).State)
	require.Contains(t, d.store.Calls(), "Gone")
}

func healTerminated(t *testing.T, d *desk) {
	guid := d.launched(t, time.Hour)
	d.route(t, "t1")
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", guid))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Zero(t, d.provider.Running())
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Equal(t, fleet.CrawlerGone, d.store.Row(guid).State)
	require.Zero(t, d.store.Leased())
	require.Contains(t, d.store.Calls(), "Gone")
}

func healMessage(t *testing.T, d *desk) {
	ref := d.store.Message("t1", fleet.NoticeDone, hook)
	d.later(2 * time.Minute)
	require.NoError(t, d.reaper.Round(t.Context()))
	started := d.temporal.Messages("execute")
	require.Len(t, started, 1)
	require.Equal(t, fleet.DeliveryWorkflowID("acme", ref.ID), started[0].WorkflowID)
}

// healNothing is a fleet in which everything runs, and what is done to it; nobody is
// touched, whatever cannot be asked.
func healNothing(do func(*testing.T, *desk), fails bool) func(*testing.T, *desk) {
	return func(t *testing.T, d *desk) {
		guid := d.launched(t, time.Hour)
		d.route(t, "t1")
		d.route(t, "waits")
		do(t, d)
		others := len(d.provider.Others())
		d.later(time.Hour)
		err := d.reaper.Round(t.Context())
		require.Equal(t, fails, err != nil, "%v", err)
		require.NotContains(t, d.store.Calls(), "Intend")
		require.Equal(t, fleet.CrawlerServing, d.store.Row(guid).State)
		require.Empty(t, d.temporal.Messages("signal"))
		require.Len(t, d.provider.Others(), others)
	}
}

func healExited(do func(*desk, fleet.GUID)) func(*testing.T, *desk) {
	return func(t *testing.T, d *desk) {
		guid := d.launched(t, time.Hour)
		do(d, guid)
		require.NoError(t, d.reaper.Round(t.Context()))
		require.NoError(t, d.reaper.Round(t.Context()), "it is told once in a while, not in each round")
		told := d.temporal.Messages("signal")
		require.Len(t, told, 1)
		require.Equal(t, fleet.SignalExited, told[0].Name)
		require.Equal(t, fleet.CrawlerWorkflowID("acme", guid), told[0].WorkflowID)
		require.Equal(t, fleet.CrawlerServing, d.store.Row(guid).State, "the workflow verifies it")
	}
}

func healOrphan(t *testing.T, d *desk) {
	guid := activitytest.GUID(9)
	d.provider.Put(fleet.Instance{Key: d.key(guid), Phase: fleet.PhaseRunning, CreatedAt: time.Now().Add(-time.Hour)})
	d.temporal.Close(fleet.CrawlerWorkflowID("acme", guid))
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Len(t, d.provider.Others(), 1, "seen once")
	require.Equal(t, guid, d.store.Comparison("memory").Leftovers[0].GUID)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Empty(t, d.provider.Others())
	require.Equal(t, []string{activities.CureOrphan}, d.counted)
	require.NoError(t, d.reaper.Round(t.Context()), "once more does nothing")
	require.Empty(t, d.store.Comparison("memory").Leftovers)
}

// keepsOthers is an instance that the reaper leaves alone.
func keepsOthers(i fleet.Instance, of fleet.FleetID, workflow bool) func(*testing.T, *desk) {
	return func(t *testing.T, d *desk) {
		i.Key = fleet.Key{Fleet: of, Tenant: "acme", GUID: activitytest.GUID(9)}
		d.provider.Put(i)
		if !workflow {
			d.temporal.Close(fleet.CrawlerWorkflowID("acme", i.GUID))
		}
		require.NoError(t, d.reaper.Round(t.Context()))
		require.NoError(t, d.reaper.Round(t.Context()))
		require.Len(t, d.provider.Others(), 1)
		require.Empty(t, d.store.Comparison("memory").Leftovers)
	}
}

func TestReaper_CountsItsRounds(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ctx, stop := context.WithCancel(t.Context())
	rounds := make(chan string)
	d.reaper.Count = func(what, kind string) {
		select {
		case rounds <- what + " " + kind:
		case <-ctx.Done():
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); d.reaper.Run(ctx) }()
	require.Equal(t, "round ok", <-rounds)
	stop()
	<-done
}
