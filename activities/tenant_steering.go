package activities

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Replan changes parts of the plan and tells whom that concerns.
func (t *Tenants) Replan(
	ctx context.Context, id fleet.TenantID, r fleet.PlanRequest,
) (fleet.TenantStatus, error) {
	status, follow, err := t.Control.Replan(ctx, id, r)
	return t.steered(ctx, "change the plan", status, follow, err)
}

// Suspend drains the tenant to zero.
func (t *Tenants) Suspend(
	ctx context.Context, id fleet.TenantID, r fleet.SuspendRequest,
) (fleet.TenantStatus, error) {
	status, follow, err := t.Control.Suspend(ctx, id, r)
	return t.steered(ctx, "suspend the tenant", status, follow, err)
}

// Resume lets a suspended tenant go on.
func (t *Tenants) Resume(
	ctx context.Context, id fleet.TenantID, r fleet.ResumeRequest,
) (fleet.TenantStatus, error) {
	status, follow, err := t.Control.Resume(ctx, id, r)
	return t.steered(ctx, "resume the tenant", status, follow, err)
}

// Condemn closes the tenant for tickets: the first step of its deletion. A tenant
// without a row is past that step.
func (t *Tenants) Condemn(ctx context.Context, id fleet.TenantID, r fleet.DeleteRequest) error {
	_, err := t.Control.Condemn(ctx, id, r)
	if fleet.CodeOf(err) == fleet.CodeNotFound {
		return nil
	}
	return wrapped("close the tenant for tickets", err)
}

func (t *Tenants) steered(
	ctx context.Context, op string, status fleet.TenantStatus, follow fleet.Follow, err error,
) (fleet.TenantStatus, error) {
	if err != nil {
		return status, wrapped(op, err)
	}
	t.Courier.Tell(ctx, follow)
	return status, nil
}

// AddKey gives the tenant a key, by its digest.
func (t *Tenants) AddKey(
	ctx context.Context, id fleet.TenantID, r fleet.KeyRequest,
) (fleet.KeyRow, error) {
	row, err := t.Control.AddKey(ctx, id, r)
	return row, wrapped("add the key", err)
}

// RevokeKey ends a key of the tenant.
func (t *Tenants) RevokeKey(
	ctx context.Context, id fleet.TenantID, r fleet.RevokeRequest,
) (fleet.KeyRow, error) {
	row, err := t.Control.RevokeKey(ctx, id, r)
	return row, wrapped("revoke the key", err)
}
