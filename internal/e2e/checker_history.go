package e2e

import (
	"context"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// unaccepted gives those of the tickets without a row that may have none.
func (f *Fleet) unaccepted(
	ctx context.Context, rows map[string][]string, tickets []Crawled,
) (map[string]bool, error) {
	never := map[string]bool{}
	for _, c := range tickets {
		if len(rows[c.id()]) > 0 {
			continue
		}
		is, err := f.Unaccepted(ctx, c.Tenant, c.Ticket)
		if err != nil {
			return nil, err
		}
		if is {
			never[c.id()] = true
		}
	}
	return never, nil
}

// Unaccepted reports whether a ticket was cancelled before the control side had accepted it,
// so that it has no row: the history of its workflow has the cancel, no Route that was
// answered, and the end as cancelled.
func (f *Fleet) Unaccepted(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (bool, error) {
	events := f.Client.Temporal().GetWorkflowHistory(ctx, fleet.TicketWorkflowID(t, id), "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	asked, last := false, enumspb.EVENT_TYPE_UNSPECIFIED
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return false, fmt.Errorf("read the history of ticket %s/%s: %w", t, id, err)
		}
		routed, err := answered(e, activities.ActivityRoute)
		if routed || err != nil {
			return false, err
		}
		last = e.GetEventType()
		asked = asked || last == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
	}
	return asked && last == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, nil
}

// answered reports whether an event is the answer of a local activity, not its failure.
func answered(e *historypb.HistoryEvent, activity string) (bool, error) {
	marker := e.GetMarkerRecordedEventAttributes()
	if marker.GetMarkerName() != "LocalActivity" || marker.GetFailure() != nil {
		return false, nil
	}
	var data struct{ ActivityType string }
	for _, p := range marker.GetDetails()["data"].GetPayloads() {
		if err := json.Unmarshal(p.GetData(), &data); err != nil {
			return false, fmt.Errorf("read event %d: %w", e.GetEventId(), err)
		}
	}
	return data.ActivityType == activity, nil
}
