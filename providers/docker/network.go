package docker

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Network is the crawlers' network.
type Network struct {
	ID     string
	Subnet netip.Prefix
	// Gateway is this machine's address there: what listens on it is reached by crawlers.
	Gateway netip.Addr
}

// Network answers the crawlers' network, and makes it when it is missing.
func (p *Provider) Network(ctx context.Context) (Network, error) {
	p.mu.Lock()
	known := p.network
	p.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	// Of one process, one makes it.
	p.placing.Lock()
	defer p.placing.Unlock()
	n, err := p.ensureNetwork(ctx)
	if err != nil {
		return Network{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network = &n
	return n, nil
}

func (p *Provider) forgetNetwork() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network = nil
}

func (p *Provider) ensureNetwork(ctx context.Context) (Network, error) {
	if n, ok, err := p.lookNetwork(ctx); err != nil || ok {
		return n, err
	}
	made, err := p.api.NetworkCreate(ctx, p.o.Network, p.networkOptions())
	if err != nil && !errdefs.IsConflict(err) {
		if strings.Contains(strings.ToLower(err.Error()), "overlap") {
			return Network{}, failure(opNetwork, fleet.ClassFatal, fleet.Invalid("docker.subnet",
				fmt.Sprintf("%s overlaps with another network of the engine", p.o.Subnet), "a free one").
				Because(err))
		}
		return Network{}, asked(opNetwork, err)
	}
	n, ok, err := p.lookNetwork(ctx)
	if err == nil && !ok {
		err = asked(opNetwork, fmt.Errorf("network %s is gone again", p.o.Network))
	}
	if err == nil && made.ID != "" && n.ID != made.ID {
		// Engines before version 25 let two be made at once: the older one counts.
		_, err := p.api.NetworkRemove(ctx, made.ID, client.NetworkRemoveOptions{})
		if err != nil {
			p.log.Warn("remove a network that was made twice", zap.String("network", made.ID), zap.Error(err))
		}
	}
	return n, err
}

func (p *Provider) networkOptions() client.NetworkCreateOptions {
	o := client.NetworkCreateOptions{
		Driver: "bridge",
		Labels: map[string]string{labelNetwork: p.o.Network},
		Options: map[string]string{
			// A crawler has no business with another.
			"com.docker.network.bridge.enable_icc": "false",
		},
	}
	if p.o.Subnet.IsValid() {
		o.IPAM = &network.IPAM{Config: []network.IPAMConfig{{
			Subnet: p.o.Subnet, Gateway: gateway(p.o.Subnet),
		}}}
	}
	return o
}

// gateway is this machine's address in a network.
func gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// lookNetwork finds the network of our name, the oldest if there are several.
func (p *Provider) lookNetwork(ctx context.Context) (Network, bool, error) {
	list, err := p.api.NetworkList(ctx, client.NetworkListOptions{
		Filters: make(client.Filters).Add("name", p.o.Network),
	})
	if err != nil {
		return Network{}, false, asked(opNetwork, err)
	}
	all := slices.DeleteFunc(list.Items, func(n network.Summary) bool { return n.Name != p.o.Network })
	if len(all) == 0 {
		return Network{}, false, nil
	}
	slices.SortFunc(all, func(a, b network.Summary) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	n := Network{ID: all[0].ID}
	for _, c := range all[0].IPAM.Config {
		if c.Subnet.Addr().Is4() {
			n.Subnet, n.Gateway = c.Subnet.Masked(), c.Gateway
			if !n.Gateway.IsValid() { // who made it left the choice to the engine, which takes the first
				n.Gateway = gateway(n.Subnet)
			}
		}
	}
	if p.o.Subnet.IsValid() && n.Subnet != p.o.Subnet.Masked() {
		return Network{}, false, failure(opNetwork, fleet.ClassFatal, fleet.Invalid("docker.subnet",
			fmt.Sprintf("is %s, and network %s has %s", p.o.Subnet, p.o.Network, n.Subnet),
			"the network's own").WithHint("docker network rm "+p.o.Network+", when nothing runs there"))
	}
	return n, true, nil
}
