package activitytest

import (
	"context"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// WorkflowService lists and deletes what Listed and Schedules name, whatever the query.
func (t *Temporal) WorkflowService() workflowservice.WorkflowServiceClient { return service{t: t} }

type service struct {
	workflowservice.WorkflowServiceClient
	t *Temporal
}

func (s service) ListWorkflowExecutions(
	context.Context, *workflowservice.ListWorkflowExecutionsRequest, ...grpc.CallOption,
) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	answer := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, e := range s.t.Listed {
		answer.Executions = append(answer.Executions, &workflowpb.WorkflowExecutionInfo{Execution: e})
	}
	return answer, s.t.Err
}

func (s service) DeleteWorkflowExecution(
	_ context.Context, r *workflowservice.DeleteWorkflowExecutionRequest, _ ...grpc.CallOption,
) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
	e := r.GetWorkflowExecution()
	s.t.mu.Lock()
	s.t.Listed = slices.DeleteFunc(s.t.Listed, func(l *commonpb.WorkflowExecution) bool {
		return l.GetRunId() == e.GetRunId()
	})
	s.t.mu.Unlock()
	return nil, s.t.send(Message{Kind: "delete", WorkflowID: e.GetWorkflowId()})
}

func (s service) ListSchedules(
	context.Context, *workflowservice.ListSchedulesRequest, ...grpc.CallOption,
) (*workflowservice.ListSchedulesResponse, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	answer := &workflowservice.ListSchedulesResponse{}
	for _, id := range s.t.Schedules {
		answer.Schedules = append(answer.Schedules, &schedulepb.ScheduleListEntry{ScheduleId: id})
	}
	return answer, s.t.Err
}

func (s service) DeleteSchedule(
	_ context.Context, r *workflowservice.DeleteScheduleRequest, _ ...grpc.CallOption,
) (*workflowservice.DeleteScheduleResponse, error) {
	s.t.mu.Lock()
	s.t.Schedules = slices.DeleteFunc(s.t.Schedules, func(id string) bool { return id == r.GetScheduleId() })
	s.t.mu.Unlock()
	return nil, s.t.send(Message{Kind: "unschedule", WorkflowID: r.GetScheduleId()})
}
