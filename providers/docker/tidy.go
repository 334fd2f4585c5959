package docker

import (
	"context"
	"errors"
	"time"

	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// keepGone is when a stopped crawler's container goes that nobody has purged: the
	// longest time that a plan may keep logs.
	keepGone = 400 * 24 * time.Hour
	// tidyEvery is how often a Watch looks for them.
	tidyEvery = time.Hour
)

// tidy removes what was stopped long ago.
func (p *Provider) tidy(ctx context.Context, f fleet.Filter, now time.Time) error {
	list, err := p.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).
			Add("label", labelFleet+"="+string(f.Fleet)).Add("status", "exited", "dead"),
	})
	if err != nil {
		return err
	}
	var errs error
	for _, c := range list.Items {
		if r := p.summarised(c); r.gone && now.Sub(r.CreatedAt) > keepGone {
			errs = errors.Join(errs, p.remove(ctx, r.ProviderID))
		}
	}
	return errs
}
