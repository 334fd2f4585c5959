package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// catchup is how late a ticket may be that was due while the server was away. Later
// ones are counted as missed: a fleet that comes back after a week must not crawl
// everything seven times.
const catchup = time.Hour

// CreateSchedule makes a recurring crawl. One of the same name is a conflict.
func (c *Client) CreateSchedule(ctx context.Context, in fleet.ScheduleInput) (fleet.ScheduleRow, error) {
	in, err := in.Normalise()
	if err != nil {
		return fleet.ScheduleRow{}, err
	}
	o := ticketOptions(fleet.ScheduleID(in.Tenant, in.Name), in.Ticket)
	_, err = c.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: o.ID, Spec: spec(in), Overlap: overlaps()[in.Overlap], CatchupWindow: catchup,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(in.Tenant))),
		Action: &client.ScheduleWorkflowAction{
			ID: o.ID, Workflow: fleet.TicketWorkflow, Args: []any{in.Ticket}, TaskQueue: o.TaskQueue,
			WorkflowTaskTimeout: o.WorkflowTaskTimeout,
			Memo:                o.Memo, TypedSearchAttributes: o.TypedSearchAttributes, StaticSummary: o.StaticSummary,
			Priority: o.Priority,
		},
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fleet.ScheduleRow{}, &fleet.Error{
			Code: fleet.CodeConflict, Field: "name", Message: fmt.Sprintf("schedule %s exists", in.Name),
			Want: "another name", Hint: fmt.Sprintf("crawlfleet ticket schedule delete %s --tenant %s", in.Name, in.Tenant),
		}
	}
	if err != nil {
		return fleet.ScheduleRow{}, domainError(fmt.Errorf("create schedule: %w", err))
	}
	return c.Schedule(ctx, in.Tenant, in.Name)
}

func spec(in fleet.ScheduleInput) client.ScheduleSpec {
	s := client.ScheduleSpec{TimeZoneName: in.TimeZone, Jitter: in.Jitter.Std()}
	for _, c := range in.Cron { // the server keeps a calendar, and the comment
		s.CronExpressions = append(s.CronExpressions, c+" # "+c)
	}
	if in.Every > 0 {
		s.Intervals = []client.ScheduleIntervalSpec{{Every: in.Every.Std()}}
	}
	return s
}

func overlaps() map[fleet.Overlap]enumspb.ScheduleOverlapPolicy {
	return map[fleet.Overlap]enumspb.ScheduleOverlapPolicy{
		fleet.OverlapSkip:    enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		fleet.OverlapQueue:   enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
		fleet.OverlapReplace: enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
		fleet.OverlapAllow:   enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	}
}

// Schedule answers one recurring crawl.
func (c *Client) Schedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) (fleet.ScheduleRow, error) {
	id := fleet.ScheduleID(t, n)
	d, err := c.temporal.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
	if err != nil {
		return fleet.ScheduleRow{}, scheduleError(n, err)
	}
	row := fleet.ScheduleRow{
		Tenant: t, Name: n, ID: id, Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note,
		Started: d.Info.NumActions, Skipped: d.Info.NumActionsSkippedOverlap,
		Missed: d.Info.NumActionsMissedCatchupWindow,
	}
	if p := d.Schedule.Policy; p != nil {
		for name, policy := range overlaps() {
			if policy == p.Overlap {
				row.Overlap = name
			}
		}
	}
	for _, r := range d.Info.RunningWorkflows {
		row.Running = append(row.Running, fleet.TicketIDFrom(t, r.WorkflowID))
	}
	return due(row, d.Schedule.Spec, d.Info.NextActionTimes, d.Info.RecentActions), nil
}

// Schedules lists the recurring crawls of a tenant, of all tenants when t is empty. The
// list is as old as the server's visibility store, some seconds.
func (c *Client) Schedules(ctx context.Context, t fleet.TenantID) ([]fleet.ScheduleRow, error) {
	list, err := c.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
	if err != nil {
		return nil, domainError(fmt.Errorf("list schedules: %w", err))
	}
	var rows []fleet.ScheduleRow
	for list.HasNext() {
		e, err := list.Next()
		if err != nil {
			return rows, domainError(fmt.Errorf("list schedules: %w", err))
		}
		tenant, name, ok := parseScheduleID(e.ID)
		if !ok || t != "" && tenant != t {
			continue
		}
		row := fleet.ScheduleRow{Tenant: tenant, Name: name, ID: e.ID, Paused: e.Paused, Note: e.Note}
		rows = append(rows, due(row, e.Spec, e.NextActionTimes, e.RecentActions))
	}
	return rows, nil
}

// parseScheduleID takes an id apart. Others may have schedules in the namespace too.
func parseScheduleID(id string) (fleet.TenantID, fleet.ScheduleName, bool) {
	parts := strings.Split(id, "/")
	if len(parts) != 3 {
		return "", "", false
	}
	t, n := fleet.TenantID(parts[1]), fleet.ScheduleName(parts[2])
	return t, n, t.Validate() == nil && n.Validate() == nil && fleet.ScheduleID(t, n) == id
}

func due(
	row fleet.ScheduleRow, s *client.ScheduleSpec, next []time.Time, recent []client.ScheduleActionResult,
) fleet.ScheduleRow {
	if s != nil {
		row.TimeZone = s.TimeZoneName
		for _, i := range s.Intervals {
			row.Every = fleet.Duration(i.Every)
		}
		for _, cal := range s.Calendars {
			row.Cron = append(row.Cron, cmp.Or(cal.Comment, "calendar"))
		}
	}
	if len(next) > 0 && !row.Paused {
		row.Next = next[0]
	}
	if len(recent) > 0 {
		row.Last = recent[len(recent)-1].ActualTime
	}
	return row
}

// PauseSchedule lets no new tickets start; ResumeSchedule goes on. Both may be repeated.
func (c *Client) PauseSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName, note string) error {
	h := c.temporal.ScheduleClient().GetHandle(ctx, fleet.ScheduleID(t, n))
	return scheduleError(n, h.Pause(ctx, client.SchedulePauseOptions{Note: note}))
}

// ResumeSchedule goes on with a paused schedule.
func (c *Client) ResumeSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName, note string) error {
	h := c.temporal.ScheduleClient().GetHandle(ctx, fleet.ScheduleID(t, n))
	return scheduleError(n, h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}))
}

// TriggerSchedule starts one ticket now, as far as the overlap policy lets it.
func (c *Client) TriggerSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) error {
	h := c.temporal.ScheduleClient().GetHandle(ctx, fleet.ScheduleID(t, n))
	return scheduleError(n, h.Trigger(ctx, client.ScheduleTriggerOptions{}))
}

// DeleteSchedule ends a recurring crawl; its tickets stay.
func (c *Client) DeleteSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) error {
	return scheduleError(n, c.temporal.ScheduleClient().GetHandle(ctx, fleet.ScheduleID(t, n)).Delete(ctx))
}

func scheduleError(n fleet.ScheduleName, err error) error {
	err = domainError(err)
	if fleet.CodeOf(err) != fleet.CodeNotFound {
		return err
	}
	return &fleet.Error{
		Code: fleet.CodeNotFound, Field: "name", Message: fmt.Sprintf("schedule %q does not exist", n),
		Want: "a schedule", Hint: "crawlfleet ticket schedule list",
	}
}
