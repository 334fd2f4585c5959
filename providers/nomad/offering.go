package nomad

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The labels of nodes (client { meta { … } }) that are known here.
const (
	// nodeCountry is where the node's addresses are, two capital letters.
	nodeCountry = "egress_country"
	// nodeAddresses are the node's own egress addresses, comma-separated.
	nodeAddresses = "egress_ip"
)

// Place is an offering, and how a job is kept to it.
type Place struct {
	fleet.Offering
	// Datacenters and Pool are where the job may run; default what the specification says.
	Datacenters []string `json:"datacenters,omitempty"`
	Pool        string   `json:"pool,omitempty"`
	// Nodes are labels that a node must have: its meta, by name.
	Nodes map[string]string `json:"nodes,omitempty"`
	// Unlabelled takes nodes that say neither in which country they are nor which addresses
	// they have: the operator knows.
	Unlabelled bool `json:"unlabelled,omitempty"`
	// Bind: the addresses are the node's own, and a crawler has to bind the one that it
	// is given. Not where the node has one address, or is behind a gateway.
	Bind bool `json:"bind,omitempty"`
	// GPUs is how many NVIDIA devices each crawler gets.
	GPUs int `json:"gpus,omitempty"`
	// CPU (MHz) and Memory (MB) of a crawler; default what the specification says.
	CPU    int `json:"cpu,omitempty"`
	Memory int `json:"memory,omitempty"`
}

// constrain keeps a job to the place, and to the nodes that have the address.
func (o Place) constrain(job *api.Job, address string) {
	if len(o.Datacenters) > 0 {
		job.Datacenters = slices.Clone(o.Datacenters)
	}
	if o.Pool != "" {
		job.NodePool = &o.Pool
	}
	if !o.Unlabelled {
		job.Constraints = append(job.Constraints, api.NewConstraint("${meta."+nodeCountry+"}", "=", o.Country))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Nodes)) {
		job.Constraints = append(job.Constraints, api.NewConstraint("${meta."+name+"}", "=", o.Nodes[name]))
	}
	if address != "" && !o.Unlabelled {
		job.Constraints = append(job.Constraints,
			api.NewConstraint("${meta."+nodeAddresses+"}", "set_contains", address))
	}
	if resources := job.TaskGroups[0].Tasks[0].Resources; resources != nil {
		o.size(resources)
	}
}

func (o Place) size(r *api.Resources) {
	if o.CPU > 0 {
		r.CPU = &o.CPU
	}
	if o.Memory > 0 {
		r.MemoryMB = &o.Memory
	}
	if o.GPUs > 0 {
		count := uint64(o.GPUs)
		r.Devices = append(r.Devices, &api.RequestedDevice{Name: "nvidia/gpu", Count: &count})
	}
}

func checkPlaces(places []Place) error {
	const setting = "nomad.offerings"
	if err := fleet.CheckOfferings(setting, Kind, offerings(places)); err != nil {
		return err
	}
	for n, o := range places {
		field := fmt.Sprintf("%s[%d].addresses", setting, n)
		if o.Egress == fleet.EgressOwn && len(o.Addresses) == 0 {
			return fleet.Invalid(field, "is empty", "the nodes' addresses, or egress shared")
		}
		for _, a := range o.Addresses {
			if _, err := netip.ParseAddr(a); err != nil {
				return fleet.Invalid(field, fmt.Sprintf("%q is not an address", a),
					"IPv4 or IPv6 addresses of the nodes")
			}
		}
	}
	return nil
}

// Offerings answers the places; those that are made of the nodes' labels as they are now.
func (p *Provider) Offerings(ctx context.Context) ([]fleet.Offering, error) {
	if p.look != nil {
		places, err := p.look(ctx)
		if err == nil {
			err = checkPlaces(places)
		}
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.places = places
		p.mu.Unlock()
	}
	return offerings(p.known()), nil
}

// offerings are places without how a job is kept to them.
func offerings(places []Place) []fleet.Offering {
	out := make([]fleet.Offering, len(places))
	for n, o := range places {
		out[n] = o.Offering
	}
	return out
}

// known are the places of the last answer; nobody changes the list.
func (p *Provider) known() []Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.places
}
