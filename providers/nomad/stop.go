package nomad

import (
	"context"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Stop takes the job away, which has Nomad send SIGTERM, and kill after the grace of the
// specification. A grace that is shorter is kept by the Stop that comes after it. When
// nothing runs any more, the mark says so for ever and the job is purged.
//
// A crawler on a node that is not heard from counts as gone: the node ends it as soon as it
// hears from the servers again, and until then nobody can.
func (p *Provider) Stop(ctx context.Context, k fleet.Key, o fleet.StopOptions) error {
	job, err := p.object(ctx, opStop, k)
	if err != nil {
		if fleet.ClassOf(err) == fleet.ClassNotFound {
			return p.stopUnregistered(ctx, k, err)
		}
		return err
	}
	if !job.stop && job.status != statusDead {
		return refusal(opStop, p.cluster.deregister(ctx, job.id, false))
	}
	running := false
	for _, a := range job.allocations {
		if terminal(a) || a.ClientStatus == api.AllocClientStatusUnknown {
			continue
		}
		running = true
		if !late(a, o.Grace) {
			continue
		}
		if err := p.cluster.signal(ctx, a.ID, task, "SIGKILL"); err != nil {
			// It has just ended, or its node is away: the next Stop sees which, and Nomad's own
			// kill comes in the end.
			p.log.Debug("kill a crawler", zap.String("guid", string(k.GUID)), zap.Error(err))
		}
	}
	if running {
		return nil
	}
	if err := p.bury(ctx, opStop, p.last(ctx, job)); err != nil {
		return err
	}
	p.keepLog(ctx, job)
	if err := p.giveBack(ctx, opStop, k, job.meta[metaAddress]); err != nil {
		return err
	}
	if err := p.cluster.deregister(ctx, job.id, true); err != nil {
		return refusal(opStop, err)
	}
	return notFound(opStop, k)
}

// last is the crawler as its mark will tell of it.
func (p *Provider) last(ctx context.Context, o object) fleet.Instance {
	i := p.instance(ctx, o)
	if i.Phase != fleet.PhaseExited {
		i.Phase, i.EndedAt = fleet.PhaseExited, time.Now().UTC()
		i.Reason = "stopped while its " + either(i.Reason, "node was not heard from")
	}
	return i
}

// stopUnregistered is for a launch whose fate is unknown: its mark says that it has ended,
// and should its job still come to be, it cannot start.
func (p *Provider) stopUnregistered(ctx context.Context, k fleet.Key, none error) error {
	if k.GUID.Validate() != nil {
		return none
	}
	m, err := p.readMark(ctx, opStop, k)
	switch {
	case err != nil && fleet.ClassOf(err) == fleet.ClassConflict, err == nil && m == nil:
		return none // another tenant's, or nobody's
	case err != nil:
		return err
	case m.ended():
		return none
	}
	now := time.Now().UTC()
	err = p.bury(ctx, opStop, fleet.Instance{
		Key: k, Offering: fleet.OfferingID(m.variable.Items[itemOffering]), Phase: fleet.PhaseExited,
		CreatedAt: now, EndedAt: now, Reason: reasonNeverRan,
	})
	if err != nil {
		return err
	}
	return none
}

// late reports that an allocation was told to end longer than the grace ago.
func late(a *api.AllocationListStub, grace time.Duration) bool {
	state := a.TaskStates[task]
	if state == nil || state.State != "running" {
		return false
	}
	for _, e := range state.Events {
		if e.Type == api.TaskKilling {
			return time.Since(instant(e.Time)) > grace
		}
	}
	return false
}
