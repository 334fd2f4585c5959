package activities

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Arrivals makes what takes a crawler's word that it polls, with the address that the data
// plane sees it come from: the ticket that it was started for is on its way before its
// Hello is. It is no activity: the Hello says the same to the crawler's workflow, and what
// is wrong is for Serving to say.
func Arrivals(desk fleet.CrawlerDesk, c *Courier) func(context.Context, fleet.Hello) error {
	return func(ctx context.Context, h fleet.Hello) error {
		follow, err := desk.Arrived(ctx, h.GUID, h)
		if err == nil {
			c.Tell(ctx, follow)
		}
		return err
	}
}
