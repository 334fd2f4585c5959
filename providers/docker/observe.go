package docker

import (
	"context"
	"iter"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Describe answers what the engine says.
func (p *Provider) Describe(ctx context.Context, k fleet.Key) (fleet.Instance, error) {
	r, err := p.live(ctx, opDescribe, k)
	return r.Instance, err
}

// List answers the containers of the fleet, ended ones that were not stopped included.
func (p *Provider) List(ctx context.Context, f fleet.Filter) iter.Seq2[fleet.Instance, error] {
	return func(yield func(fleet.Instance, error) bool) {
		list, err := p.api.ContainerList(ctx, client.ContainerListOptions{
			All: true, Filters: make(client.Filters).Add("label", labelFleet+"="+string(f.Fleet)),
		})
		if err != nil {
			yield(fleet.Instance{}, asked(opList, err))
			return
		}
		for _, c := range list.Items {
			r := p.summarised(c)
			switch {
			case r.GUID == "", r.gone && r.ended():
				continue // the operator's own, or a tombstone
			case r.ended():
				// How it ended is not in the list.
				i, err := p.Describe(ctx, r.Key)
				if fleet.ClassOf(err) == fleet.ClassNotFound {
					continue // stopped meanwhile
				}
				if err != nil {
					yield(fleet.Instance{}, asked(opList, err))
					return
				}
				r.Instance = i
			}
			if !yield(r.Instance, nil) {
				return
			}
		}
	}
}

// live finds the crawler of a key: that of another fleet or tenant is not found, nor is
// one that was stopped. A container under a tombstone's name that runs all the same is:
// it has to be seen to be ended.
func (p *Provider) live(ctx context.Context, op string, k fleet.Key) (record, error) {
	r, err := p.find(ctx, op, k.GUID)
	switch {
	case err != nil:
		return record{}, err
	case r.Key != k, r.gone && r.state != running:
		return record{}, notFound(op, k)
	}
	return r, nil
}

// find looks for the crawler's container, then for its tombstone.
func (p *Provider) find(ctx context.Context, op string, g fleet.GUID) (record, error) {
	if err := g.Validate(); err != nil { // it is a part of the path
		return record{}, notFound(op, fleet.Key{GUID: g})
	}
	for _, n := range []string{name(g), goneName(g)} {
		r, err := p.inspect(ctx, n)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return record{}, asked(op, err)
		}
		return r, nil
	}
	return record{}, notFound(op, fleet.Key{GUID: g})
}

// inspect reads a container by name or id; its error is the client's.
func (p *Provider) inspect(ctx context.Context, id string) (record, error) {
	c, err := p.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return record{}, err
	}
	return p.inspected(c.Container)
}
