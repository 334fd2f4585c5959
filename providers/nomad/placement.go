package nomad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// decideWithin is how long a launch waits for the servers' decision, which takes some
// milliseconds. Later it is accepted and undecided: the launch budget ends it.
const decideWithin = 5 * time.Second

// placed waits for the decision on a job's evaluation. A job that found no place is taken
// back, so that it is not placed when nobody expects it any more.
func (p *Provider) placed(ctx context.Context, s fleet.Spec, evaluation string) (fleet.Instance, error) {
	if evaluation != "" {
		e, err := p.cluster.decided(ctx, evaluation, decideWithin)
		switch {
		case err != nil && status(err) == 0:
			return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, fmt.Errorf("wait for the placement: %w", err))
		case err != nil && ctx.Err() == nil:
			// Collected, or a server that is not up to date: the job says how it stands.
		case e != nil && len(e.FailedTGAllocs) > 0:
			return fleet.Instance{}, p.unplaced(ctx, s, e)
		}
	}
	o, err := p.object(ctx, opLaunch, s.Key)
	if err != nil {
		if fleet.ClassOf(err) == fleet.ClassNotFound { // another launch has taken it back
			return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, errBusy)
		}
		return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, err)
	}
	return p.instance(ctx, o), nil
}

// unplaced takes the job back and says why it found no place.
func (p *Provider) unplaced(ctx context.Context, s fleet.Spec, e *api.Evaluation) error {
	// A crawler that runs (its evaluation was repeated for another reason) is not taken back.
	o, err := p.object(ctx, opLaunch, s.Key)
	if err != nil || len(o.allocations) > 0 {
		if fleet.ClassOf(err) == fleet.ClassNotFound || err == nil {
			err = failure(opLaunch, fleet.ClassRetryable, errBusy)
		}
		return err
	}
	if err := p.withdraw(ctx, s.Key, o.meta[metaAddress]); err != nil {
		return err
	}
	var why []string
	quota := e.QuotaLimitReached
	for _, group := range slices.Sorted(maps.Keys(e.FailedTGAllocs)) {
		metric := e.FailedTGAllocs[group]
		why = append(why, shortage(metric))
		if len(metric.QuotaExhausted) > 0 && quota == "" {
			quota = strings.Join(metric.QuotaExhausted, ", ")
		}
	}
	if quota != "" {
		err := failure(opLaunch, fleet.ClassQuota, fmt.Errorf("quota %s of the namespace is used up", quota))
		err.Scope = fleet.Scoped{Account: Account}
		return err
	}
	return full(s.Offering, errors.New(strings.Join(why, "; ")))
}

// shortage puts into words why no node took the job.
func shortage(m *api.AllocationMetric) string {
	var parts []string
	for _, dimension := range slices.Sorted(maps.Keys(m.DimensionExhausted)) {
		parts = append(parts, fmt.Sprintf("%s is used up on %s", dimension, nodes(m.DimensionExhausted[dimension])))
	}
	for _, constraint := range slices.Sorted(maps.Keys(m.ConstraintFiltered)) {
		parts = append(parts, fmt.Sprintf("%s does not hold on %s", constraint, nodes(m.ConstraintFiltered[constraint])))
	}
	switch {
	case m.NodesEvaluated == 0:
		return fmt.Sprintf("no node of pool %s is ready in the place's datacenters", m.NodePool)
	case len(parts) == 0:
		return fmt.Sprintf("none of %s took it", nodes(m.NodesEvaluated))
	default:
		return strings.Join(parts, ", ")
	}
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}
