package activities

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Conductors holds the desk that decides for a tenant.
type Conductors struct {
	Desk fleet.TicketDesk
}

// Decide observes, plans and reserves for one tenant. A tenant that does not exist
// is not_found and ends the Conductor.
func (c *Conductors) Decide(ctx context.Context, in fleet.ConductorInput) (fleet.Decision, error) {
	if err := in.Tenant.Validate(); err != nil {
		return fleet.Decision{}, ToTemporal(err)
	}
	decision, err := c.Desk.Decide(ctx, in.Tenant)
	if err != nil {
		return decision, ToTemporal(fmt.Errorf("decide for %s: %w", in.Tenant, err))
	}
	return decision, nil
}
