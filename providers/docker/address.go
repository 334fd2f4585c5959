package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// reservation is a launch of this process whose container the engine may not list yet.
type reservation struct {
	fleet    fleet.FleetID
	offering fleet.OfferingID
	address  string
}

// reserve finds room at the place and the address to use there: the one asked for, else
// of the free ones the one that has rested longest. Launches of other control workers are
// seen once the engine has their container; an address that two of them choose in the same
// moment is given to one by the engine.
func (p *Provider) reserve(ctx context.Context, s fleet.Spec) (string, error) {
	p.placing.Lock()
	defer p.placing.Unlock()
	held, err := p.occupied(ctx)
	if err != nil {
		return "", asked(opLaunch, err)
	}
	for g, r := range p.reserved {
		held[g] = r
	}
	delete(held, s.GUID)
	address, err := p.choose(s, held)
	if err != nil {
		return "", err
	}
	p.reserved[s.GUID] = reservation{s.Fleet, s.Offering, address}
	p.lastUse[address] = time.Now()
	return address, nil
}

func (p *Provider) release(g fleet.GUID) {
	p.placing.Lock()
	defer p.placing.Unlock()
	delete(p.reserved, g)
}

// used lets an address rest that turned out to be somebody else's.
func (p *Provider) used(address string) {
	p.placing.Lock()
	defer p.placing.Unlock()
	p.lastUse[address] = time.Now()
}

// occupied lists what lives in the network, of all fleets: an address is given once.
func (p *Provider) occupied(ctx context.Context) (map[fleet.GUID]reservation, error) {
	filters := make(client.Filters).Add("label", labelNetwork+"="+p.o.Network)
	if len(p.lastUse) > 0 { // else those that have ended are looked at too, once
		filters.Add("status", string(container.StateCreated), string(container.StateRunning),
			string(container.StatePaused), string(container.StateRestarting))
	}
	list, err := p.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, err
	}
	held := make(map[fleet.GUID]reservation)
	for _, c := range list.Items {
		r := p.summarised(c)
		if r.CreatedAt.After(p.lastUse[r.Address]) {
			p.lastUse[r.Address] = r.CreatedAt
		}
		if !r.ended() {
			held[r.GUID] = reservation{r.Fleet, r.Offering, r.Address}
		}
	}
	return held, nil
}

func (p *Provider) choose(s fleet.Spec, held map[fleet.GUID]reservation) (string, error) {
	o, _ := p.offering(s.Offering)
	live, busy := 0, make(map[string]fleet.GUID)
	for g, r := range held {
		busy[r.address] = g
		if r.offering == o.ID && r.fleet == s.Fleet {
			live++
		}
	}
	if o.Capacity > 0 && live >= o.Capacity {
		return "", noRoom(o.ID, fmt.Errorf("%s is full: %d crawlers", o.ID, live))
	}
	if o.Egress == fleet.EgressShared {
		return shared(o, s.Address), nil
	}
	if s.Address != "" {
		if by, taken := busy[s.Address]; taken {
			return "", failure(opLaunch, fleet.ClassConflict,
				fmt.Errorf("address %s is in use by crawler %s", s.Address, by))
		}
		return s.Address, nil
	}
	best := ""
	for _, a := range o.Addresses {
		if _, taken := busy[a]; taken {
			continue
		}
		if best == "" || p.lastUse[a].Before(p.lastUse[best]) {
			best = a
		}
	}
	if best == "" {
		return "", noRoom(o.ID, fmt.Errorf("%s has no free address", o.ID))
	}
	return best, nil
}

// shared is the address that the place's crawlers have in common: the machine's, where
// the operator says which that is.
func shared(o fleet.Offering, asked string) string {
	if asked == "" && len(o.Addresses) > 0 {
		return o.Addresses[0]
	}
	return asked
}

func noRoom(id fleet.OfferingID, err error) *fleet.ProviderError {
	e := failure(opLaunch, fleet.ClassCapacity, err)
	e.Scope = fleet.Scoped{Offering: id}
	return e
}
