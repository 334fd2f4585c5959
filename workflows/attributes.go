package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// label sets the search attributes of a workflow that was started without them
// (by the stock CLI), once: the others keep their budget of events.
func label(ctx workflow.Context, tenant fleet.TenantID, session fleet.SessionKey) error {
	key := temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant)
	if _, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(key); ok {
		return nil
	}
	updates := []temporal.SearchAttributeUpdate{key.ValueSet(string(tenant))}
	if session != "" {
		updates = append(updates,
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrSession).ValueSet(string(session)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		return fmt.Errorf("set the search attributes: %w", err)
	}
	return nil
}
