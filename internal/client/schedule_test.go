package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestSchedule_LivesInTemporal(t *testing.T) {
	t.Parallel()
	c, ctx := connect(t), t.Context()
	in := fleet.ScheduleInput{
		Tenant: "acme", Name: "nightly", Cron: []string{"0 3 * * *"}, TimeZone: "Europe/Berlin",
		Overlap: fleet.OverlapQueue, Ticket: fleet.TicketInput{URLs: []string{"https://example.com/?key=1"}},
	}
	row, err := c.CreateSchedule(ctx, in)
	require.NoError(t, err)
	require.Equal(t, []string{"0 3 * * *"}, row.Cron)
	require.Equal(t, "Europe/Berlin", row.TimeZone)
	require.Equal(t, fleet.OverlapQueue, row.Overlap)
	require.False(t, row.Next.Before(time.Now()))

	_, err = c.CreateSchedule(ctx, in)
	require.Equal(t, fleet.CodeConflict, fleet.CodeOf(err))
	_, err = c.Schedule(ctx, "acme", "nobody")
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	in.Name, in.Cron, in.TimeZone, in.Every = "news", nil, "", fleet.Duration(90*time.Minute)
	in.Tenant, in.Ticket.Tenant = "other", ""
	_, err = c.CreateSchedule(ctx, in)
	require.NoError(t, err)

	require.NoError(t, c.TriggerSchedule(ctx, "acme", "nightly"))
	require.Eventually(t, func() bool {
		row, err = c.Schedule(ctx, "acme", "nightly")
		return err == nil && row.Started == 1 && !row.Last.IsZero()
	}, time.Minute, 50*time.Millisecond, "the ticket is started")
	d, err := c.Temporal().ScheduleClient().GetHandle(ctx, row.ID).Describe(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, d.Info.RecentActions)
	started := d.Info.RecentActions[0].StartWorkflowResult
	require.NotNil(t, started)
	require.Equal(t, fleet.ControlTask, taskTimeout(t, c, started.WorkflowID))

	require.NoError(t, c.PauseSchedule(ctx, "acme", "nightly", "for a test"))
	require.Eventually(t, func() bool {
		rows, err := c.Schedules(ctx, "acme")
		return err == nil && len(rows) == 1 && rows[0].Paused && rows[0].Note == "for a test" && rows[0].Next.IsZero()
	}, time.Minute, 50*time.Millisecond, "the list is that of the tenant")
	require.NoError(t, c.ResumeSchedule(ctx, "acme", "nightly", ""))
	require.NoError(t, c.DeleteSchedule(ctx, "acme", "nightly"))
	require.Eventually(t, func() bool {
		rows, err := c.Schedules(ctx, "")
		return err == nil && len(rows) == 1 && rows[0].Tenant == "other" && rows[0].Every == in.Every
	}, time.Minute, 50*time.Millisecond)
}
