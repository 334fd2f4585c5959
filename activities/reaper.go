package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
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

	// stopWithin bounds the reaper's call to stop one machine: it comes again, and a provider
	// that hangs must not hold up what has nothing to do with it.
	stopWithin = 10 * time.Second
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
	// Running answers what a crawler said last of the crawls that it has; nil where nobody
	// hears that.
	Running func(fleet.GUID) (fleet.Running, bool)
	// Clock is that of the control store, by which ages are counted; default time.Now.
	Clock func() time.Time
	Count Count
	Log   *zap.Logger

	// handed is since when crawls are seen as taken by their crawlers: those of this round,
	// and of the one before.
	handed, handedBefore map[crawl]time.Time

	mended time.Time
	listed time.Time
	hinted map[fleet.GUID]time.Time                  // crawlers whose workflow was told that they are gone
	strays map[fleet.ProviderKind]map[fleet.Key]bool // orphans of the last complete list
	looked map[fleet.DeliveryRef]time.Time           // messages whose workflow was seen to

	undelivered fleet.Undelivered // the last message that was looked at
}

// Run makes rounds until the context ends: of the rows, and beside them of the providers,
// which may hang. One goroutine at a time calls it.
func (r *Reaper) Run(ctx context.Context) {
	var both sync.WaitGroup
	for _, look := range []func(context.Context) (bool, error){r.rows, r.places} {
		both.Go(func() {
			for ctx.Err() == nil {
				due, err := look(ctx)
				if err != nil && ctx.Err() == nil {
					r.Log.Warn("reaper", zap.Error(err))
				}
				if due {
					r.Count.round(CountedRound, err)
				}
				_ = wait(ctx, r.Interval) // the loop's condition reads the context
			}
		})
	}
	both.Wait()
}

// rows are the cures that need Temporal and the stores, and for some a call of a provider.
func (r *Reaper) rows(ctx context.Context) (bool, error) {
	r.handed, r.handedBefore = map[crawl]time.Time{}, r.handed
	errs := errors.Join(r.leases(ctx), r.tickets(ctx), r.crawlers(ctx), r.conductors(ctx),
		r.deliveries(ctx))
	if r.due(&r.mended) {
		errs = errors.Join(errs, r.mend(ctx))
	}
	return true, errs
}

// places are the comparisons with the providers.
func (r *Reaper) places(ctx context.Context) (bool, error) {
	if !r.due(&r.listed) {
		return false, nil
	}
	return true, r.machines(ctx)
}

// due reports whether the pause since the last time is over, and begins the next one. A clock
// that was put back is no reason to wait.
func (r *Reaper) due(last *time.Time) bool {
	since := r.now().Sub(*last)
	if since >= 0 && since < r.ListEvery {
		return false
	}
	*last = r.now()
	return true
}

func (r *Reaper) now() time.Time {
	if r.Clock != nil {
		return r.Clock()
	}
	return time.Now()
}

// looked is what Temporal says of a workflow.
type looked struct {
	runs    bool // it is open
	pending []*workflowpb.PendingActivityInfo
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
	l.pending = answer.GetPendingActivities()
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
