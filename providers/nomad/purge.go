package nomad

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Purge removes the mark and the log of a crawler that has ended, and its job if it is
// still there.
// One that still runs is refused; of one that nobody knows, or that is another fleet's or
// tenant's, nothing is removed.
func (p *Provider) Purge(ctx context.Context, k fleet.Key) error {
	o, err := p.object(ctx, opPurge, k)
	switch {
	case err == nil && p.instance(ctx, o).Phase != fleet.PhaseExited:
		return failure(opPurge, fleet.ClassConflict, fmt.Errorf("crawler %s still runs", k.GUID))
	case err == nil:
		if err := p.cluster.deregister(ctx, o.id, true); err != nil {
			return refusal(opPurge, err)
		}
	case fleet.ClassOf(err) != fleet.ClassNotFound:
		return err
	}
	m, err := p.readMark(ctx, opPurge, k)
	switch {
	case err != nil && fleet.ClassOf(err) == fleet.ClassConflict, err == nil && m == nil:
		return nil
	case err != nil:
		return err
	}
	// The log goes first: without a mark nobody knows whose it is.
	if err := p.removeLog(k.GUID); err != nil {
		return err
	}
	return refusal(opPurge, p.cluster.deleteVariable(ctx, markPath(k), m.variable.ModifyIndex))
}

// guidLength is that of a UUID's text.
const guidLength = 36

// tidy removes the marks of the fleet's crawlers that ended long ago, and of launches that
// never came to a job.
func (p *Provider) tidy(ctx context.Context, id fleet.FleetID, now time.Time) error {
	jobs := make(map[string]bool)
	if err := p.eachJob(ctx, opPurge, id, func(o object) { jobs["nomad/jobs/"+o.id] = true }); err != nil {
		return err
	}
	prefix := "nomad/jobs/" + jobPrefix(id)
	marks, err := p.cluster.variables(ctx, prefix)
	if err != nil {
		return refusal(opPurge, err)
	}
	for _, m := range marks {
		// What goes on after a GUID's length is another fleet's, whose id begins like this one.
		if len(m.Path) != len(prefix)+guidLength || jobs[m.Path] || now.Sub(instant(m.ModifyTime)) < keepEnded {
			continue
		}
		if err := p.cluster.deleteVariable(ctx, m.Path, m.ModifyIndex); err != nil {
			return refusal(opPurge, err)
		}
	}
	return nil
}
