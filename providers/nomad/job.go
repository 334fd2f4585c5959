package nomad

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// task is the name of the crawler's task in the specification.
const task = "crawler"

// maxGrace is the kill_timeout of the specification; Nomad's clients allow 30 s unless
// max_kill_timeout says more.
const maxGrace = 25 * time.Second

// The labels of a job.
const (
	metaFleet    = "crawlfleet_fleet"
	metaTenant   = "crawlfleet_tenant"
	metaGUID     = "crawlfleet_guid"
	metaOffering = "crawlfleet_offering"
	metaAddress  = "crawlfleet_address"
)

// jobPrefix begins the names of a fleet's jobs. Another fleet's may begin so too (if its
// id continues this one's), and so the labels count.
func jobPrefix(id fleet.FleetID) string { return "crawl-" + string(id) + "-" }

func jobID(k fleet.Key) string { return jobPrefix(k.Fleet) + string(k.GUID) }

// keyOf reads a job's labels; false if it is no crawler's.
func keyOf(id string, meta map[string]string) (fleet.Key, bool) {
	k := fleet.Key{
		Fleet: fleet.FleetID(meta[metaFleet]), Tenant: fleet.TenantID(meta[metaTenant]),
		GUID: fleet.GUID(meta[metaGUID]),
	}
	return k, id == jobID(k)
}

// specification gives the parsed job specification, which is fetched once.
func (p *Provider) specification(ctx context.Context) (*api.Job, error) {
	p.mu.Lock()
	parsed := p.parsed
	p.mu.Unlock()
	if parsed != nil {
		return parsed, nil
	}
	var variables strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.vars)) {
		fmt.Fprintf(&variables, "%s = %s\n", name, quote(p.vars[name]))
	}
	job, err := p.cluster.parse(ctx, p.job, variables.String())
	if err != nil {
		return nil, refusal(opLaunch, fmt.Errorf("parse the job specification: %w", err))
	}
	if len(job.TaskGroups) != 1 || len(job.TaskGroups[0].Tasks) != 1 || job.TaskGroups[0].Tasks[0].Name != task {
		return nil, failure(opLaunch, fleet.ClassFatal, fleet.Invalid("nomad.job",
			"is not a crawler's", fmt.Sprintf("one group with one task %q", task)))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parsed = job // the same, if another launch has been faster
	return job, nil
}

// quote writes a string as HCL does: no interpolation.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// build completes the specification for one launch.
func (p *Provider) build(ctx context.Context, s fleet.Spec, place Place, address string) (*api.Job, error) {
	parsed, err := p.specification(ctx)
	if err != nil {
		return nil, err
	}
	job, err := clone(parsed)
	if err != nil {
		return nil, failure(opLaunch, fleet.ClassFatal, err)
	}
	id := jobID(s.Key)
	job.ID, job.Name = &id, &id
	if p.cluster.namespace != "" {
		job.Namespace = &p.cluster.namespace
	}
	if p.cluster.region != "" {
		job.Region = &p.cluster.region
	}
	job.Meta = map[string]string{
		metaFleet: string(s.Fleet), metaTenant: string(s.Tenant), metaGUID: string(s.GUID),
		metaOffering: string(s.Offering), metaAddress: address,
	}
	group := job.TaskGroups[0]
	place.constrain(job, address)
	group.Tasks[0].Env = p.environment(group.Tasks[0].Env, s, place, address)
	return job, nil
}

// clone copies a job whole: two launches never share a part of it.
func clone(job *api.Job) (*api.Job, error) {
	b, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("copy the job specification: %w", err)
	}
	out := new(api.Job)
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("copy the job specification: %w", err)
	}
	return out, nil
}

// environment is what the crawler gets besides its secrets: what the specification and
// the operator say, what the launch asks for, and who it is.
func (p *Provider) environment(
	specified map[string]string, s fleet.Spec, place Place, address string,
) map[string]string {
	all := make(map[string]string)
	for _, m := range []map[string]string{specified, p.env, s.Env} {
		maps.Copy(all, m)
	}
	all[fleet.EnvFleet] = string(s.Fleet)
	all[fleet.EnvTenant] = string(s.Tenant)
	all[fleet.EnvGUID] = string(s.GUID)
	all[fleet.EnvOffering] = string(s.Offering)
	all[fleet.EnvSlots] = strconv.Itoa(max(s.Slots, 1))
	if place.Bind && address != "" {
		all[fleet.EnvSource] = address
		all[fleet.EnvSourceFor] = sourceFor(address)
	}
	return all
}

// sourceFor says for which targets a source address can be used: from a loopback
// address every connect that leaves the machine fails (EINVAL).
func sourceFor(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.IsLoopback() {
		return "loopback"
	}
	return "any"
}
