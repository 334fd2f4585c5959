package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The ages at which the reaper looks at a row. Younger ones are on their way.
const (
	leaseAge      = 5 * time.Second // a ticket's first task has long been answered by then
	unfinishedAge = time.Minute     // a closing ticket takes two statements
	reservedAge   = time.Minute     // a Conductor starts what it reserved within seconds
	overlookedAge = 5 * time.Second // a Conductor decides within milliseconds
	settlePause   = 5 * time.Second // between two tries while the store is away
)

// Reaper heals what rows say against Temporal, the providers and each other: code that was
// terminated tells nobody, and neither does a machine that was taken away. Its cases and
// cures are the tables of docs/healing.md, which its test plays. Every cure may be
// repeated and may meet another reaper's; where somebody does not answer, nothing is
// concluded.
type Reaper struct {
	Control   fleet.Control
	Data      fleet.TenantData
	Temporal  Temporal
	Machines  *Machines
	Courier   *Courier
	Namespace string
	Interval  time.Duration // between two rounds
	// ListEvery is the least pause between two lists of a provider, and between two looks
	// for rows that contradict each other.
	ListEvery time.Duration
	Count     Count
	Log       *zap.Logger

	listed time.Time
	hinted map[fleet.GUID]time.Time        // crawlers whose workflow was told that they are gone
	looked map[fleet.DeliveryRef]time.Time // messages whose workflow was seen to
}

// Run makes rounds until the context ends. One goroutine at a time makes rounds.
func (r *Reaper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.Round(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("reaper", zap.Error(err))
		}
		r.Count.round(CountedRound, err)
		_ = wait(ctx, r.Interval) // the loop's condition reads the context
	}
}

// Round looks at every row once. What fails is left to the next round and joined
// to the error; it keeps no other row from its cure.
func (r *Reaper) Round(ctx context.Context) error {
	errs := errors.Join(r.leases(ctx), r.tickets(ctx), r.crawlers(ctx), r.conductors(ctx),
		r.deliveries(ctx))
	if time.Since(r.listed) >= r.ListEvery {
		r.listed = time.Now()
		errs = errors.Join(errs, r.mend(ctx), r.machines(ctx))
	}
	return errs
}

// looked is what Temporal says of a workflow.
type looked struct {
	runs    bool     // it is open
	pending []string // ids of its activities
}

// look asks Temporal. Not found means that it does not run.
func look(ctx context.Context, t Temporal, workflowID string) (l looked, err error) {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	answer, err := t.DescribeWorkflowExecution(ctx, workflowID, "")
	if notFound(err) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	for _, p := range answer.GetPendingActivities() {
		l.pending = append(l.pending, p.GetActivityId())
	}
	status := answer.GetWorkflowExecutionInfo().GetStatus()
	l.runs = status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING ||
		status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	return l, nil
}

// runs reports whether a workflow is open.
func runs(ctx context.Context, t Temporal, workflowID string) (bool, error) {
	l, err := look(ctx, t, workflowID)
	return l.runs, err
}
