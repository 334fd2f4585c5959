package nomad

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// More labels of nodes, which only places that are made of labels need.
const (
	nodePrice  = "crawl_price"  // for an hour of one crawler: "0.012 EUR"
	nodeGrain  = "crawl_grain"  // second (default), minute or hour
	nodeEgress = "crawl_egress" // own: each address is one crawler's at a time; default shared
)

var labelCountry = regexp.MustCompile(`^[A-Z]{2}$`)

// Discover makes places of the labels of the cluster's nodes: one for each country,
// datacenter and node pool. Nodes without a country are left out; a cluster without any
// that says where it is has no place, which is an error.
func Discover(ctx context.Context, o Options) ([]Place, error) {
	c, err := connect(o)
	if err != nil {
		return nil, err
	}
	nodes, err := c.nodes(ctx)
	if err != nil {
		return nil, refusal(opOfferings, err)
	}
	places := make(map[fleet.OfferingID]Place)
	for _, n := range nodes {
		if !labelCountry.MatchString(n.Meta[nodeCountry]) {
			continue
		}
		place, err := labelled(n)
		if err != nil {
			return nil, failure(opOfferings, fleet.ClassFatal, err)
		}
		if former, ok := places[place.ID]; ok {
			place.Addresses = append(former.Addresses, place.Addresses...)
		}
		slices.Sort(place.Addresses)
		place.Addresses = slices.Compact(place.Addresses)
		places[place.ID] = place
	}
	if len(places) == 0 {
		return nil, failure(opOfferings, fleet.ClassFatal, fleet.Invalid("nomad.offerings",
			"is empty, and no node says where it is", "places, or nodes with meta "+nodeCountry))
	}
	out := make([]Place, 0, len(places))
	for _, place := range places {
		out = append(out, place)
	}
	slices.SortFunc(out, func(a, b Place) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

// labelled is the place that one node tells of.
func labelled(n *api.Node) (Place, error) {
	country := n.Meta[nodeCountry]
	place := Place{
		Datacenters: []string{n.Datacenter}, Pool: n.NodePool,
		Offering: fleet.Offering{
			ID:       fleet.OfferingID(fmt.Sprintf("%s/%s-%s-%s", Kind, strings.ToLower(country), n.Datacenter, n.NodePool)),
			Provider: Kind, Account: Account, Region: n.Datacenter, Country: country,
			// A node that is there anyway costs nothing more.
			Price: fleet.Money{Currency: "EUR"}, Grain: fleet.GrainSecond, Egress: fleet.EgressShared,
		},
	}
	if text := n.Meta[nodePrice]; text != "" {
		price, err := fleet.ParseMoney(text)
		if err != nil {
			return place, fmt.Errorf("node %s: meta %s: %w", n.Name, nodePrice, err)
		}
		place.Price = price
	}
	if grain := fleet.Grain(n.Meta[nodeGrain]); grain != "" {
		if grain.Billing() == "" {
			return place, fmt.Errorf("node %s: meta %s: %q is not second, minute or hour", n.Name, nodeGrain, grain)
		}
		place.Grain = grain
	}
	for a := range strings.SplitSeq(n.Meta[nodeAddresses], ",") {
		if a = strings.TrimSpace(a); a != "" {
			place.Addresses = append(place.Addresses, a)
		}
	}
	if n.Meta[nodeEgress] == string(fleet.EgressOwn) && len(place.Addresses) > 0 {
		place.Egress = fleet.EgressOwn
		place.Bind = len(place.Addresses) > 1 // it has to choose
	}
	return place, nil
}

// nodes gives every node that can take jobs, with its labels.
func (c cluster) nodes(ctx context.Context) ([]*api.Node, error) {
	all, _, err := c.client.Nodes().List(c.query(ctx))
	if err != nil {
		return nil, err
	}
	var out []*api.Node
	for _, stub := range all {
		if stub.Status != "ready" {
			continue
		}
		n, _, err := c.client.Nodes().Info(stub.ID, c.query(ctx))
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
