package nomad

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// statusDead is a job's when nothing of it runs or will run.
const statusDead = "dead"

// object is a job with its allocations, in what Describe and List have in common.
type object struct {
	id          string
	key         fleet.Key
	meta        map[string]string
	stop        bool
	status      string
	submitted   time.Time
	created     uint64
	allocations []*api.AllocationListStub
}

// Describe answers what the servers say of the job.
func (p *Provider) Describe(ctx context.Context, k fleet.Key) (fleet.Instance, error) {
	o, err := p.object(ctx, opDescribe, k)
	if err != nil {
		return fleet.Instance{}, err
	}
	return p.instance(ctx, o), nil
}

// object reads the job of a key; that of another fleet or tenant is not found.
func (p *Provider) object(ctx context.Context, op string, k fleet.Key) (object, error) {
	if err := over(ctx, op); err != nil {
		return object{}, err
	}
	if k.GUID.Validate() != nil {
		return object{}, notFound(op, k) // also keeps paths inside
	}
	job, err := p.cluster.jobInfo(ctx, jobID(k))
	if err != nil {
		return object{}, refusal(op, err)
	}
	if seen, ours := keyOf(*job.ID, job.Meta); !ours || seen != k {
		return object{}, notFound(op, k)
	}
	all, err := p.cluster.allocations(ctx, *job.ID)
	if err != nil {
		return object{}, refusal(op, err)
	}
	return object{
		id: *job.ID, key: k, meta: job.Meta, stop: *job.Stop, status: *job.Status,
		submitted: instant(*job.SubmitTime), created: *job.CreateIndex,
		allocations: since(all, *job.CreateIndex),
	}, nil
}

// List answers the jobs of the fleet, ended ones that were not stopped included. The jobs
// are read before their allocations: what is registered in between has none here.
func (p *Provider) List(ctx context.Context, f fleet.Filter) iter.Seq2[fleet.Instance, error] {
	return func(yield func(fleet.Instance, error) bool) {
		var all []object
		err := p.eachJob(ctx, opList, f.Fleet, func(o object) { all = append(all, o) })
		if err != nil {
			yield(fleet.Instance{}, err)
			return
		}
		allocations, err := p.cluster.everyAllocation(ctx, jobPrefix(f.Fleet))
		if err != nil {
			yield(fleet.Instance{}, refusal(opList, err))
			return
		}
		for _, o := range all {
			o.allocations = since(allocations[o.id], o.created)
			if !yield(p.instance(ctx, o), nil) {
				return
			}
		}
	}
}

// eachJob calls do for each job of the fleet, without its allocations.
func (p *Provider) eachJob(ctx context.Context, op string, id fleet.FleetID, do func(object)) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	for from := ""; ; {
		page, err := p.cluster.jobs(ctx, jobPrefix(id), from)
		if err != nil {
			return refusal(op, err)
		}
		for _, j := range page.jobs {
			if k, ours := keyOf(j.ID, j.Meta); ours && k.Fleet == id {
				do(object{
					id: j.ID, key: k, meta: j.Meta, stop: j.Stop, status: j.Status,
					submitted: instant(j.SubmitTime), created: j.CreateIndex,
				})
			}
		}
		if from = page.next; from == "" {
			return nil
		}
	}
}

// since leaves out the allocations of an earlier job of the same name, which was taken
// back because it could not be placed.
func since(all []*api.AllocationListStub, created uint64) []*api.AllocationListStub {
	return slices.DeleteFunc(all, func(a *api.AllocationListStub) bool { return a.CreateIndex < created })
}

// instance puts a job into the fleet's words.
func (p *Provider) instance(ctx context.Context, o object) fleet.Instance {
	i := fleet.Instance{
		Key: o.key, Offering: fleet.OfferingID(o.meta[metaOffering]), ProviderID: o.id,
		Address: o.meta[metaAddress], CreatedAt: o.submitted, Phase: fleet.PhasePending,
	}
	a := latest(o.allocations)
	if a == nil {
		if o.stop || o.status == statusDead {
			i.Phase, i.EndedAt, i.Reason = fleet.PhaseExited, o.submitted, reasonNeverRan
		}
		return i
	}
	if i.Address == "" {
		i.Address = p.nodeAddress(ctx, a.NodeID)
	}
	switch {
	case terminal(a):
		i.Phase = fleet.PhaseExited
		i.EndedAt, i.ExitCode, i.Reason = ending(a)
	case o.stop || a.DesiredStatus != api.AllocDesiredStatusRun:
		i.Phase = fleet.PhaseStopping
	case a.ClientStatus == api.AllocClientStatusRunning, a.ClientStatus == api.AllocClientStatusUnknown:
		i.Phase = fleet.PhaseRunning
	}
	if a.ClientStatus == api.AllocClientStatusUnknown {
		// It may run and it may not: the crawler's own heartbeat decides.
		i.Reason = "node " + a.NodeName + " is not heard from"
	}
	return i
}

// latest is the allocation that counts: a live one, else the newest.
func latest(all []*api.AllocationListStub) *api.AllocationListStub {
	var out *api.AllocationListStub
	for _, a := range all {
		switch {
		case out == nil, terminal(out) && !terminal(a),
			terminal(out) == terminal(a) && a.CreateIndex > out.CreateIndex:
			out = a
		}
	}
	return out
}

// terminal reports an allocation that runs no more, as far as the servers know.
func terminal(a *api.AllocationListStub) bool {
	switch a.ClientStatus {
	case api.AllocClientStatusComplete, api.AllocClientStatusFailed, api.AllocClientStatusLost:
		return true
	default:
		return false
	}
}

func instant(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }
