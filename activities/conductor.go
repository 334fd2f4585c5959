package activities

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Conductors holds the desk that decides for a tenant, and who tells those concerned.
type Conductors struct {
	Desk    fleet.TicketDesk
	Courier *Courier
}

// Decide observes, plans and reserves for one tenant, and tells the tickets and
// crawlers that the decision concerns. A tenant that does not exist is not_found and
// ends the Conductor.
func (c *Conductors) Decide(ctx context.Context, in fleet.ConductorInput) (fleet.Decision, error) {
	if err := in.Tenant.Validate(); err != nil {
		return fleet.Decision{}, ToTemporal(err)
	}
	decision, err := c.Desk.Decide(ctx, in.Tenant)
	if err != nil {
		return decision, ToTemporal(fmt.Errorf("decide for %s: %w", in.Tenant, err))
	}
	c.Courier.Tell(ctx, decision.Follow)
	return decision, nil
}
