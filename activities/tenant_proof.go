package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// settled is how long Temporal may take to list what has just changed; two empty
	// lists so far apart are taken as "none".
	settled  = time.Second
	pageSize = 500
)

// PurgeCrawlers removes what providers keep of the tenant's crawlers: logs and records.
// It answers how many crawlers there were. It heartbeats.
func (t *Tenants) PurgeCrawlers(ctx context.Context, id fleet.TenantID) (int, error) {
	n := 0
	for row, err := range fleet.EveryCrawler(ctx, t.Control, id) {
		if err != nil {
			return n, wrapped("list the crawlers", err)
		}
		if purger, ok := t.Providers[row.Provider].(fleet.Purger); ok {
			if err := purger.Purge(ctx, fleet.Key{Fleet: t.Fleet, Tenant: id, GUID: row.GUID}); err != nil {
				return n, fmt.Errorf("purge %s: %w", row.GUID, err)
			}
			activity.RecordHeartbeat(ctx, n)
		}
		n++
	}
	return n, nil
}

// DeleteWorkflows removes the tenant's schedules and all its workflows but the one that
// asks, open or closed, and answers how many there were. It heartbeats.
func (t *Tenants) DeleteWorkflows(ctx context.Context, id fleet.TenantID) (int, error) {
	if err := t.deleteSchedules(ctx, id); err != nil {
		return 0, err
	}
	deleted := map[string]bool{}
	for empty := 0; empty < 2; {
		found, err := t.executions(ctx, id)
		if err != nil {
			return len(deleted), err
		}
		if empty++; len(found) > 0 {
			empty = 0
		}
		for _, e := range found {
			_, err := t.Temporal.WorkflowService().DeleteWorkflowExecution(ctx,
				&workflowservice.DeleteWorkflowExecutionRequest{Namespace: t.Namespace, WorkflowExecution: e})
			if err != nil && !notFound(err) { // listed for a moment after it is gone
				return len(deleted), fmt.Errorf("delete workflow %s: %w", e.GetWorkflowId(), err)
			}
			deleted[e.GetRunId()] = true
			activity.RecordHeartbeat(ctx, len(deleted))
		}
		if err := wait(ctx, settled); err != nil {
			return len(deleted), err
		}
	}
	return len(deleted), nil
}

// executions lists a page of the tenant's workflows but the one that asks.
func (t *Tenants) executions(
	ctx context.Context, id fleet.TenantID,
) ([]*commonpb.WorkflowExecution, error) {
	answer, err := t.Temporal.WorkflowService().ListWorkflowExecutions(ctx,
		&workflowservice.ListWorkflowExecutionsRequest{
			Namespace: t.Namespace, PageSize: pageSize, Query: ofTheTenant(id),
		})
	if err != nil {
		return nil, fmt.Errorf("list the tenant's workflows: %w", err)
	}
	own := activity.GetInfo(ctx).WorkflowExecution.RunID
	var found []*commonpb.WorkflowExecution
	for _, e := range answer.GetExecutions() {
		if e.GetExecution().GetRunId() != own {
			found = append(found, e.GetExecution())
		}
	}
	return found, nil
}

// ofTheTenant finds workflows by the search attribute and, where one has none, by id.
func ofTheTenant(id fleet.TenantID) string {
	parts := []string{
		fmt.Sprintf("%s = '%s'", fleet.AttrTenant, id),
		fmt.Sprintf("WorkflowId = '%s'", fleet.TenantWorkflowID(id)),
		fmt.Sprintf("WorkflowId = '%s'", fleet.ConductorWorkflowID(id)),
	}
	for _, prefix := range []string{
		fleet.TicketWorkflowID(id, ""), fleet.CrawlerWorkflowID(id, ""), fleet.DeliveryWorkflowID(id, ""),
	} {
		parts = append(parts, fmt.Sprintf("WorkflowId STARTS_WITH '%s'", prefix))
	}
	return strings.Join(parts, " OR ")
}

func (t *Tenants) deleteSchedules(ctx context.Context, id fleet.TenantID) error {
	prefix := fleet.ScheduleID(id, "")
	service := t.Temporal.WorkflowService()
	for token := []byte(nil); ; {
		page, err := service.ListSchedules(ctx, &workflowservice.ListSchedulesRequest{
			Namespace: t.Namespace, MaximumPageSize: pageSize, NextPageToken: token,
		})
		if err != nil {
			return fmt.Errorf("list the schedules: %w", err)
		}
		for _, s := range page.GetSchedules() {
			if !strings.HasPrefix(s.GetScheduleId(), prefix) {
				continue
			}
			_, err := service.DeleteSchedule(ctx, &workflowservice.DeleteScheduleRequest{
				Namespace: t.Namespace, ScheduleId: s.GetScheduleId(),
			})
			if err != nil && !notFound(err) {
				return fmt.Errorf("delete schedule %s: %w", s.GetScheduleId(), err)
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// FindTraces looks everywhere for what still carries the tenant's name, by place: both
// stores, the providers, Temporal. An empty answer is the proof of a deletion.
func (t *Tenants) FindTraces(ctx context.Context, id fleet.TenantID) (map[string]int64, error) {
	found := map[string]int64{}
	readers := map[string]fleet.TraceReader{"control store": t.Control, "tenant data": t.Data}
	for kind, p := range t.Providers {
		if r, ok := p.(fleet.TraceReader); ok {
			readers[string(kind)] = r
		}
		for i, err := range p.List(ctx, fleet.Filter{Fleet: t.Fleet}) {
			if err != nil {
				return found, fmt.Errorf("list the crawlers of %s: %w", kind, err)
			}
			if i.Tenant == id {
				found[string(kind)+": instances"]++
			}
		}
	}
	for _, place := range slices.Sorted(maps.Keys(readers)) {
		traces, err := readers[place].Traces(ctx, id)
		if err != nil {
			return found, wrapped("look for traces in the "+place, err)
		}
		for what, n := range traces {
			found[place+": "+what] += n
		}
	}
	workflows, err := t.executions(ctx, id)
	if n := len(workflows); n > 0 {
		found["Temporal: workflows"] = int64(n)
	}
	return found, err
}
