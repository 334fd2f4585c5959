package client

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// DrainCrawler asks a crawler to take no new tickets and to end.
func (c *Client) DrainCrawler(ctx context.Context, ref fleet.CrawlerRef, r fleet.DrainRequest) error {
	id := fleet.CrawlerWorkflowID(ref.Tenant, ref.GUID)
	if err := c.temporal.SignalWorkflow(ctx, id, "", fleet.SignalDrain, r); err != nil {
		return domainError(fmt.Errorf("drain crawler: %w", err))
	}
	return nil
}
