package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
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
		ID: fleet.TenantWorkflowID(in.Tenant), TaskQueue: fleet.ControlQueue, WorkflowTaskTimeout: fleet.ControlTask,
		// A deleted account, and one whose provisioning failed, may be made again.
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            cmp.Or(in.Name, "tenant "+string(in.Tenant)),
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

// ReplanTenant changes the parts of an account's plan that are set.
func (c *Client) ReplanTenant(
	ctx context.Context, t fleet.TenantID, r fleet.PlanRequest,
) (fleet.TenantStatus, error) {
	if err := r.Validate(); err != nil {
		return fleet.TenantStatus{}, err
	}
	return c.updateTenant(ctx, t, fleet.TenantPlan, r)
}

// SuspendTenant drains an account to zero and answers when nothing new starts.
func (c *Client) SuspendTenant(
	ctx context.Context, t fleet.TenantID, r fleet.SuspendRequest,
) (fleet.TenantStatus, error) {
	if err := r.Validate(); err != nil {
		return fleet.TenantStatus{}, err
	}
	return c.updateTenant(ctx, t, fleet.TenantSuspend, r)
}

// ResumeTenant lets a suspended account go on.
func (c *Client) ResumeTenant(
	ctx context.Context, t fleet.TenantID, r fleet.ResumeRequest,
) (fleet.TenantStatus, error) {
	return c.updateTenant(ctx, t, fleet.TenantResume, r)
}

// AddKey gives an account a key, of which only the digest is sent.
func (c *Client) AddKey(ctx context.Context, t fleet.TenantID, r fleet.KeyRequest) (fleet.KeyRow, error) {
	var row fleet.KeyRow
	if err := r.Validate(); err != nil {
		return row, err
	}
	return row, tenantError(t, c.update(ctx, fleet.TenantWorkflowID(t), fleet.TenantAddKey, &row, r))
}

// RevokeKey ends an account's key.
func (c *Client) RevokeKey(ctx context.Context, t fleet.TenantID, r fleet.RevokeRequest) (fleet.KeyRow, error) {
	var row fleet.KeyRow
	if err := r.Validate(); err != nil {
		return row, err
	}
	return row, tenantError(t, c.update(ctx, fleet.TenantWorkflowID(t), fleet.TenantRevokeKey, &row, r))
}

// DeleteTenant asks for an account's deletion and answers when that has begun;
// WaitTenant waits for its end. An account whose provisioning has failed has a row and
// no workflow that runs: its workflow is started again, and deletes what is there.
func (c *Client) DeleteTenant(
	ctx context.Context, t fleet.TenantID, r fleet.DeleteRequest,
) (fleet.TenantStatus, error) {
	status, err := c.updateTenant(ctx, t, fleet.TenantDelete, r)
	if fleet.CodeOf(err) != fleet.CodeNotFound || !c.unprovisioned(ctx, t) {
		return status, err
	}
	start := c.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: fleet.TenantWorkflowID(t), TaskQueue: fleet.ControlQueue, WorkflowTaskTimeout: fleet.ControlTask,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		// Somebody else may have started it meanwhile.
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(t))),
	}, fleet.TenantWorkflow, fleet.TenantInput{Tenant: t})
	handle, err := c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: fleet.TenantWorkflowID(t), UpdateName: fleet.TenantDelete, Args: []any{r},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return status, tenantError(t, fmt.Errorf("delete tenant: %w", err))
	}
	return status, tenantError(t, handle.Get(ctx, &status))
}

// unprovisioned reports whether the account's last workflow has failed: one that was
// deleted has completed, and one that never was is not known.
func (c *Client) unprovisioned(ctx context.Context, t fleet.TenantID) bool {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, fleet.TenantWorkflowID(t), "")
	if err != nil {
		return false
	}
	switch d.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return true
	default:
		return false
	}
}

// ForgetTenant removes the closed workflow of a deleted account: it carries the name
// and the proof, which its reader has by then. One that still runs is a conflict.
func (c *Client) ForgetTenant(ctx context.Context, t fleet.TenantID) error {
	id := fleet.TenantWorkflowID(t)
	d, err := c.temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return tenantError(t, fmt.Errorf("forget tenant: %w", err))
	}
	if d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return fleet.Errorf(fleet.CodeConflict, fmt.Sprintf("tenant %s is not deleted yet", t))
	}
	_, err = c.temporal.WorkflowService().DeleteWorkflowExecution(ctx,
		&workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: c.namespace, WorkflowExecution: d.GetWorkflowExecutionInfo().GetExecution(),
		})
	return tenantError(t, err)
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
	return status, tenantError(t, c.update(ctx, fleet.TenantWorkflowID(t), name, &status, args...))
}

// update sends an update and waits for its answer.
func (c *Client) update(ctx context.Context, workflowID, name string, into any, args ...any) error {
	handle, err := c.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflowID, UpdateName: name, Args: args,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, workflowID, err)
	}
	return handle.Get(ctx, into)
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
