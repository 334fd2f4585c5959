package client

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Redeliver has a ticket's messages to webhooks sent again that were set aside, and
// answers which those are.
func (c *Client) Redeliver(ctx context.Context, r fleet.RedeliverRequest) ([]fleet.DeliveryRef, error) {
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.RedeliveryWorkflowID(r.Tenant, r.Ticket), TaskQueue: fleet.ControlQueue,
		WorkflowTaskTimeout:      fleet.ControlTask,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("tells the webhooks of ticket %s again", r.Ticket),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(r.Tenant))),
	}, fleet.RedeliveryWorkflow, r)
	if err != nil {
		return nil, domainError(fmt.Errorf("redeliver: %w", err))
	}
	var refs []fleet.DeliveryRef
	return refs, domainError(Result(ctx, run, &refs))
}
