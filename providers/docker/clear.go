package docker

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Left lists the crawlers that have a container in the network, also those that were
// stopped.
func (p *Provider) Left(ctx context.Context) ([]fleet.Key, error) {
	list, err := p.left(ctx)
	var out []fleet.Key
	for _, c := range list {
		out = append(out, labelled(c.Labels).Key)
	}
	return out, err
}

func (p *Provider) left(ctx context.Context) ([]container.Summary, error) {
	list, err := p.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelNetwork+"="+p.o.Network),
	})
	if err != nil {
		return nil, asked(opList, err)
	}
	return list.Items, nil
}

// Clear removes what a fleet that is over has left: the containers in its network, and the
// network. One that still runs is an error of the engine's.
func (p *Provider) Clear(ctx context.Context) error {
	list, err := p.left(ctx)
	if err != nil {
		return err
	}
	var errs error
	for _, c := range list {
		errs = errors.Join(errs, p.remove(ctx, c.ID))
	}
	if errs != nil {
		return asked(opPurge, errs)
	}
	p.forgetNetwork()
	_, err = p.api.NetworkRemove(ctx, p.o.Network, client.NetworkRemoveOptions{})
	if err != nil && !errdefs.IsNotFound(err) {
		return asked(opNetwork, err)
	}
	return nil
}
