package nomad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

var _ fleet.Checker = (*Provider)(nil)

// The probes are of a crawler that there is not, and of nothing that a launch would meet.
var probe = fleet.Spec{Key: fleet.Key{Fleet: "doctor", Tenant: "doctor", GUID: "00000000-0000-4000-8000-000000000000"}}

// tokenSoon is how long before a token's end somebody should make the next one.
const tokenSoon = 7 * 24 * time.Hour

// Check asks the agent for itself, the region, the token and what that may do, and has the
// servers plan a launch at each place. It writes nothing.
func (p *Provider) Check(ctx context.Context) []fleet.Finding {
	out := []fleet.Finding{p.checkAgent(ctx)}
	for _, look := range []func(context.Context) fleet.Finding{p.checkToken, p.checkPolicy} {
		if out[len(out)-1].Fails {
			return out
		}
		out = append(out, look(ctx))
	}
	if out[len(out)-1].Fails {
		return out
	}
	return append(out, p.checkPlaces(ctx)...)
}

func (p *Provider) checkAgent(ctx context.Context) fleet.Finding {
	at := p.cluster.client.Address()
	f := fleet.Finding{Thing: "agent", Type: "curl " + at + "/v1/status/leader"}
	var leader string
	_, err := p.cluster.client.Raw().Query("/v1/status/leader", &leader, p.cluster.query(ctx))
	switch {
	case err != nil && strings.Contains(err.Error(), "No path to region"):
		return fleet.Finding{
			Thing: "region", Says: fmt.Sprintf("%s knows no region %s", at, p.cluster.region), Fails: true,
			Type: "curl " + at + "/v1/regions  # then set nomad.region",
		}
	case err != nil:
		f.Fails, f.Says = true, at+" does not answer: "+err.Error()
	case leader == "":
		f.Fails, f.Says = true, "the servers have no leader"
	default:
		f.Says, f.Type = fmt.Sprintf("%s answers, the leader of its region is %s", at, leader), ""
	}
	return f
}

// newToken is what to type for a token that can do what is needed.
const newToken = "nomad acl token create -name crawlfleet -policy launcher  # then set nomad.token"

// noACL is the accessor of the token that servers without ACLs answer.
const noACL = "acls-disabled"

func (p *Provider) checkToken(ctx context.Context) fleet.Finding {
	f := fleet.Finding{Thing: "token", Type: newToken}
	token, _, err := p.cluster.client.ACLTokens().Self(p.cluster.query(ctx))
	switch {
	case err != nil:
		f.Fails, f.Says = true, "it is not accepted: "+err.Error()
	case token.AccessorID == noACL:
		f.Says, f.Type = "none is needed: ACLs are off", ""
	case token.ExpirationTime != nil && time.Until(*token.ExpirationTime) < tokenSoon:
		f.Says = fmt.Sprintf("%q ends %s", token.Name, token.ExpirationTime.UTC().Format(time.RFC3339))
	default:
		f.Says, f.Type = fmt.Sprintf("%q is accepted", either(token.Name, token.AccessorID)), ""
	}
	return f
}

// checkPolicy tries what the launcher's policy allows, each by a call that changes nothing.
func (p *Provider) checkPolicy(ctx context.Context) fleet.Finding {
	f := fleet.Finding{
		Thing: "policy", Type: "nomad acl policy apply launcher nomad-jobs/launcher.policy.hcl",
	}
	var refused []string
	for _, c := range p.capabilities() {
		err := c.try(ctx)
		switch {
		case err == nil || status(err) == http.StatusNotFound:
		case status(err) == http.StatusForbidden:
			refused = append(refused, c.name)
		default:
			f.Fails, f.Says, f.Type = true, c.name+": "+err.Error(), "crawlfleet config show  # nomad.*"
			return f
		}
	}
	if len(refused) > 0 {
		f.Fails = true
		f.Says = fmt.Sprintf("in namespace %s the token may not %s", either(p.cluster.namespace, "default"),
			strings.Join(refused, ", "))
		return f
	}
	f.Says, f.Type = "list, read, parse and submit jobs, nodes and variables; alloc-lifecycle and read-logs "+
		"(a stop with a short grace, crawler logs) cannot be tried without a crawler", ""
	return f
}

// capability is one of launcher.policy.hcl, and a call that needs it.
type capability struct {
	name string
	try  func(context.Context) error
}

func (p *Provider) capabilities() []capability {
	path := markPath(probe.Key)
	return []capability{
		{"list-jobs", func(ctx context.Context) error {
			_, err := p.cluster.jobs(ctx, jobPrefix(probe.Fleet), "")
			return err
		}},
		{"read-job", func(ctx context.Context) error {
			_, err := p.cluster.jobInfo(ctx, jobID(probe.Key))
			return err
		}},
		{"parse-job", func(ctx context.Context) error {
			_, err := p.specification(ctx)
			return unwrapped(err)
		}},
		{"submit-job", func(ctx context.Context) error {
			_, err := p.plan(ctx, Place{Unlabelled: true}) // any node will do
			return err
		}},
		{"node read", func(ctx context.Context) error {
			_, err := p.cluster.nodes(ctx)
			return err
		}},
		{"variables list", func(ctx context.Context) error {
			_, err := p.cluster.variables(ctx, path)
			return err
		}},
		{"variables read", func(ctx context.Context) error {
			_, err := p.cluster.variable(ctx, path)
			return err
		}},
		// Of an index that no variable has: the servers look at the token first, and then
		// find that somebody else was faster.
		{"variables write", func(ctx context.Context) error {
			_, err := p.cluster.setVariable(ctx, &api.Variable{
				Path: path, ModifyIndex: math.MaxInt64, Items: api.VariableItems{"doctor": "was here"},
			})
			return err
		}},
		{"variables destroy", func(ctx context.Context) error {
			return p.cluster.deleteVariable(ctx, path, math.MaxInt64)
		}},
	}
}

// unwrapped is Nomad's own error in one of this package.
func unwrapped(err error) error {
	if e := (*fleet.ProviderError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// plan has the servers say what would become of a launch.
func (p *Provider) plan(ctx context.Context, place Place) (*api.JobPlanResponse, error) {
	address := ""
	if len(place.Addresses) > 0 {
		address = place.Addresses[0]
	}
	s := probe
	s.Offering = place.ID
	job, err := p.build(ctx, s, place, address)
	if err != nil {
		return nil, unwrapped(err)
	}
	answer, _, err := p.cluster.client.Jobs().PlanOpts(job, &api.PlanOptions{}, p.cluster.write(ctx))
	return answer, err
}

func (p *Provider) checkPlaces(ctx context.Context) []fleet.Finding {
	if _, err := p.Offerings(ctx); err != nil {
		return []fleet.Finding{{
			Thing: "places", Says: unwrapped(err).Error(), Fails: true, Type: "nomad node status",
		}}
	}
	var out []fleet.Finding
	places := p.known()
	for _, place := range places {
		if says := p.unplannable(ctx, place); says != "" {
			out = append(out, fleet.Finding{
				Thing: "places", Says: fmt.Sprintf("%s takes no crawler: %s", place.ID, says),
				Type: "nomad node status  # nodes, their datacenters, pools and meta",
			})
		}
	}
	switch {
	case len(places) == 0:
		return []fleet.Finding{{
			Thing: "places", Says: "there are none", Fails: true, Type: "crawlfleet config show  # nomad.offerings",
		}}
	case len(out) == 0:
		return []fleet.Finding{{Thing: "places", Says: fmt.Sprintf("%d, each has a node that takes a crawler", len(places))}}
	}
	return out
}

// unplannable is why a place takes no crawler, "" where it does.
func (p *Provider) unplannable(ctx context.Context, place Place) string {
	answer, err := p.plan(ctx, place)
	if err != nil {
		return err.Error()
	}
	var why []string
	for _, group := range slices.Sorted(maps.Keys(answer.FailedTGAllocs)) {
		why = append(why, shortage(answer.FailedTGAllocs[group]))
	}
	return strings.Join(why, "; ")
}
