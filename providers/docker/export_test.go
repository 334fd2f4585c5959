package docker

import (
	"context"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Tidy is tidy at another time.
func (p *Provider) Tidy(ctx context.Context, f fleet.Filter, now time.Time) error {
	return p.tidy(ctx, f, now)
}
