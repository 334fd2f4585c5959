package docker

import (
	"context"

	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Traces counts the containers in the fleet's network that carry a tenant's name.
func (p *Provider) Traces(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	list, err := p.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).
			Add("label", labelNetwork+"="+p.o.Network, labelTenant+"="+string(t)),
	})
	if err != nil {
		return nil, asked(opTraces, err)
	}
	if len(list.Items) == 0 {
		return map[string]int64{}, nil
	}
	return map[string]int64{"containers": int64(len(list.Items))}, nil
}
