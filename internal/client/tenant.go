package client

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// StartTenant starts an account's workflow, which provisions it. An account that is
// there already is a conflict.
func (c *Client) StartTenant(ctx context.Context, in fleet.TenantInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID(in.Tenant), TaskQueue: fleet.ControlQueue,
		// A deleted account, and one whose provisioning failed, may be made again.
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            in.Name,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(in.Tenant))),
	}, fleet.TenantWorkflow, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return &fleet.Error{
			Code: fleet.CodeConflict, Field: "tenant", Message: fmt.Sprintf("tenant %s exists", in.Tenant),
			Want: "another name", Hint: "crawlfleet tenant apply changes its plan",
		}
	}
	if err != nil {
		return domainError(fmt.Errorf("start tenant: %w", err))
	}
	return nil
}

// ApplyTenant changes an account's plan, name and labels, and answers when it holds.
func (c *Client) ApplyTenant(ctx context.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
	if err := in.Validate(); err != nil {
		return fleet.TenantStatus{}, err
	}
	return c.updateTenant(ctx, in.Tenant, fleet.TenantApply, in)
}

// DeleteTenant asks for an account's deletion and answers when that has begun;
// WaitTenant waits for its end.
func (c *Client) DeleteTenant(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	return c.updateTenant(ctx, t, fleet.TenantDelete)
}

// TenantStatus asks the running workflow; it needs a worker.
func (c *Client) TenantStatus(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	var status fleet.TenantStatus
	return status, c.query(ctx, fleet.TenantWorkflowID(t), fleet.TenantQuery, &status)
}

// WaitTenant waits until the account's workflow ends: until it is deleted, or its
// provisioning has failed.
func (c *Client) WaitTenant(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	var status fleet.TenantStatus
	err := c.temporal.GetWorkflow(ctx, fleet.TenantWorkflowID(t), "").Get(ctx, &status)
	if err != nil && ctx.Err() != nil {
		return status, ctx.Err()
	}
	return status, domainError(err)
}

func (c *Client) updateTenant(
	ctx context.Context, t fleet.TenantID, name string, args ...any,
) (fleet.TenantStatus, error) {
	var status fleet.TenantStatus
	handle, err := c.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: fleet.TenantWorkflowID(t), UpdateName: name, Args: args,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return status, tenantError(t, fmt.Errorf("update tenant: %w", err))
	}
	return status, tenantError(t, handle.Get(ctx, &status))
}

func tenantError(t fleet.TenantID, err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return &fleet.Error{
			Code: fleet.CodeNotFound, Field: "tenant", Message: fmt.Sprintf("tenant %q does not exist", t),
			Want: "a tenant", Hint: "crawlfleet tenant list",
		}
	}
	return domainError(err)
}
