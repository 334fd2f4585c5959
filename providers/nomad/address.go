package nomad

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// itemHolder names the job that an address is given to.
const itemHolder = "crawl_holder"

// addressPath is the variable that gives an address to one job at a time, whatever fleet
// it is of. Nomad has nothing else for that: a reserved port is given away once for each
// address family of a node. No job of this name is ever made, so that none can read it.
func addressPath(address string) string {
	return "nomad/jobs/crawl-addresses/" + strings.NewReplacer(".", "-", ":", "-").Replace(address)
}

// take gives the launch an egress address of the place, where each crawler has its own:
// the one that is asked for, else a free one. Repeated for a GUID it gives the same.
func (p *Provider) take(ctx context.Context, s fleet.Spec, place Place) (string, error) {
	if place.Egress != fleet.EgressOwn {
		return s.Address, nil
	}
	candidates := preferred(s.GUID, place.Addresses)
	if s.Address != "" {
		candidates = []string{s.Address}
	}
	for _, a := range candidates {
		if ours, err := p.takeOne(ctx, s.Key, a); ours || err != nil {
			return a, err
		}
	}
	if s.Address != "" {
		return "", full(place.ID, fmt.Errorf("address %s is in use", s.Address))
	}
	return "", full(place.ID, fmt.Errorf("%s has no free address", place.ID))
}

// preferred orders addresses by the GUID: launches at the same time begin with others, and
// a repeated one with the same.
func preferred(g fleet.GUID, addresses []string) []string {
	weight := func(address string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(string(g) + " " + address)) // never fails
		return h.Sum64()
	}
	return slices.SortedFunc(slices.Values(addresses), func(a, b string) int {
		return cmp.Compare(weight(a), weight(b))
	})
}

// takeOne takes an address, from nobody or from a job that is no more.
func (p *Provider) takeOne(ctx context.Context, k fleet.Key, address string) (bool, error) {
	v := &api.Variable{
		Namespace: p.cluster.namespace, Path: addressPath(address),
		Items: api.VariableItems{itemHolder: jobID(k)},
	}
	done, err := p.cluster.setVariable(ctx, v)
	if done || err != nil {
		return done, refusal(opLaunch, err)
	}
	taken, err := p.cluster.variable(ctx, v.Path)
	if err != nil || taken == nil { // given back meanwhile: another has it by now, most likely
		return false, refusal(opLaunch, err)
	}
	if taken.Items[itemHolder] == jobID(k) {
		return true, nil
	}
	if holds, err := p.holds(ctx, taken, address); holds || err != nil {
		return false, err
	}
	v.ModifyIndex = taken.ModifyIndex
	done, err = p.cluster.setVariable(ctx, v)
	return done, refusal(opLaunch, err)
}

// holds reports whether the job that an address was given to still needs it.
func (p *Provider) holds(ctx context.Context, taken *api.Variable, address string) (bool, error) {
	job, err := p.cluster.jobInfo(ctx, taken.Items[itemHolder])
	if status(err) == http.StatusNotFound { // gone, or about to be registered
		return time.Since(instant(taken.ModifyTime)) < markLife, nil
	}
	if err != nil {
		return true, refusal(opLaunch, err)
	}
	return *job.Status != statusDead && job.Meta[metaAddress] == address, nil
}

// giveBack frees the address of a crawler that runs no more, if it had one of its own.
func (p *Provider) giveBack(ctx context.Context, op string, k fleet.Key, address string) error {
	if address == "" {
		return nil
	}
	taken, err := p.cluster.variable(ctx, addressPath(address))
	if err != nil || taken == nil || taken.Items[itemHolder] != jobID(k) {
		return refusal(op, err)
	}
	return refusal(op, p.cluster.deleteVariable(ctx, taken.Path, taken.ModifyIndex))
}
