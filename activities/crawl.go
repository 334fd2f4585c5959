package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// CrawlJob is what the engine is given.
type CrawlJob struct {
	fleet.CrawlInput
	// Progress takes the counters as they change. It never blocks.
	Progress func(fleet.Counters)
}

// Engine does the crawl itself: it claims the ticket at the data plane, fetches,
// exchanges, and answers when the crawl has ended with an outcome. When ctx ends it
// returns within seconds; what it holds is handed out again. An error is a *fleet.Error where
// the caller can do something about it: fenced, forbidden, not_found, unavailable.
type Engine interface {
	Crawl(ctx context.Context, job CrawlJob) (fleet.CrawlResult, error)
}

// Crawls is the activity of the crawler's own queue.
type Crawls struct {
	Tenant fleet.TenantID // the only one that this crawler works for
	Engine Engine
	// Ping asks whether Temporal answers.
	Ping func(context.Context) error
	// Hear heartbeats for a task, with details. Unlike Ping it is answered only when the
	// part of Temporal is there that takes the task's result.
	Hear func(ctx context.Context, task []byte, details ...any) error
	// Running notes the crawls that are under way; nil to note none.
	Running *Running
	// Cut is closed when the program ends and the engine has had its time to hand back:
	// what still runs is cut off, and its ticket goes elsewhere all the same.
	Cut <-chan struct{}
	// Beat is how often progress is told, first when it has passed once; default 10s,
	// so that a short crawl tells nothing and costs nothing.
	Beat time.Duration
}

// Crawl does one ticket's crawl under a lease. It goes on while Temporal is away, for
// as long as the container does: whether it may store, the fence knows. Errors have
// their code as type; draining says that the ticket is to go elsewhere.
func (c *Crawls) Crawl(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
	if in.Tenant != c.Tenant {
		return fleet.CrawlResult{}, ToTemporal(fleet.Errorf(fleet.CodeForbidden,
			fmt.Sprintf("this crawler works for tenant %s, not for %s", c.Tenant, in.Tenant)))
	}
	defer c.Running.Begin(fleet.CrawlRef{Ticket: in.Ticket, Epoch: in.Epoch})()
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	defer func() {
		cancel(nil)
		beside.Wait()
	}()
	var latest atomic.Pointer[fleet.Counters]
	beside.Go(func() { c.tell(work, &latest) })
	beside.Go(func() { c.obey(ctx, work, cancel) })

	began := time.Now()
	result, err := c.Engine.Crawl(work, CrawlJob{
		CrawlInput: in, Progress: func(n fleet.Counters) { latest.Store(&n) },
	})
	if took := time.Since(began); took > answeredLately {
		c.hold(ctx, work, took > defaultBeat, &latest)
	}
	if err == nil {
		return result, nil
	}
	return fleet.CrawlResult{}, c.ended(ctx, work, err)
}

const (
	// answeredLately is how long after it handed out the task Temporal is taken to be
	// there: a ticket of one page asks nothing, and costs nothing more.
	answeredLately = 200 * time.Millisecond
	// holdPause is how often a Temporal that is away is asked again: soon enough for the
	// ticket that waits, and seldom enough for a server that starts.
	holdPause = 500 * time.Millisecond
)

// hold keeps the result until Temporal is there to take it. The SDK tries for 10 s; then
// the result is lost, and the ticket waits for its heartbeat timeout. A server that starts
// answers some seconds before it takes results: after an outage, and at the end of a crawl
// that was long enough to have lived through one, it has to take a heartbeat first.
func (c *Crawls) hold(ctx, work context.Context, long bool, latest *atomic.Pointer[fleet.Counters]) {
	over, sure := deadline(ctx), long || ctx.Err() != nil
	for {
		asking, cancel := context.WithTimeout(work, askWithin)
		err := c.Ping(asking)
		if err == nil && sure {
			err = c.Hear(asking, activity.GetInfo(ctx).TaskToken, counted(latest))
		}
		cancel()
		if err == nil || !away(err) {
			return
		}
		sure = true
		select {
		case <-work.Done():
			return
		case <-c.Cut:
			return
		case <-over:
			return
		case <-time.After(holdPause):
		}
	}
}

// away tells a Temporal that does not answer from one that does, and has forgotten the
// task, or wants it to end.
func away(err error) bool {
	var unknown *serviceerror.NotFound
	return !errors.As(err, &unknown) && !temporal.IsCanceledError(err)
}

// ended says how a crawl that came to no outcome ended.
func (c *Crawls) ended(ctx, work context.Context, err error) error {
	cause := context.Cause(work)
	var own *fleet.Error
	switch {
	case fleet.CodeOf(cause) == fleet.CodeDraining:
		return ToTemporal(cause)
	case cause != nil:
		return ctx.Err() // only what obey passed on: the SDK reports it as cancelled
	case errors.As(err, &own):
		return ToTemporal(err)
	}
	activity.GetLogger(ctx).Error("crawl", "error", err)
	return ToTemporal(fleet.Errorf(fleet.CodeInternal,
		"the crawl failed inside the crawler, whose log says why").Because(err))
}

// tell heartbeats the counters until the work ends. It beats on the work's context:
// the activity's own is over when Temporal was away once.
func (c *Crawls) tell(work context.Context, latest *atomic.Pointer[fleet.Counters]) {
	every := c.Beat
	if every <= 0 {
		every = defaultBeat
	}
	first := true
	beat(work, every, func() {
		if first {
			first = false
			return
		}
		activity.RecordHeartbeat(work, counted(latest))
	})
}

func counted(latest *atomic.Pointer[fleet.Counters]) (n fleet.Counters) {
	if p := latest.Load(); p != nil {
		n = *p
	}
	return n
}

// obey ends the work when the program ends, or the server says so.
func (c *Crawls) obey(ctx, work context.Context, cancel context.CancelCauseFunc) {
	cut := func() {
		cancel(fleet.Errorf(fleet.CodeDraining, "the crawler ends and hands the ticket back"))
	}
	select {
	case <-work.Done():
		return
	case <-c.Cut:
		cut()
		return
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, worker.ErrWorkerShutdown):
		cut()
	case !outage(ctx):
		cancel(cause)
	default:
		activity.GetLogger(ctx).Warn("Temporal is away; the crawl goes on", "error", cause)
		select {
		case <-work.Done():
		case <-c.Cut:
			cut()
		case <-deadline(ctx):
			cancel(context.DeadlineExceeded)
		}
	}
}

// deadline tells when the activity's time is over, after its context has ended for
// another reason; never where it has no deadline.
func deadline(ctx context.Context) <-chan time.Time {
	if at, ok := ctx.Deadline(); ok {
		return time.After(time.Until(at))
	}
	return nil
}

// outage tells the end of an activity's context because heartbeats did not reach the
// server from an end that was meant: the SDK makes both of them look alike.
func outage(ctx context.Context) bool {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || // the activity's own time
		temporal.IsCanceledError(cause) || errors.Is(cause, context.Canceled) ||
		errors.Is(cause, activity.ErrActivityPaused) || errors.Is(cause, activity.ErrActivityReset) {
		return false
	}
	// The server answered, and knows of no such activity any more.
	var unknown *serviceerror.NotFound
	var noNamespace *serviceerror.NamespaceNotFound
	var elsewhere *serviceerror.NamespaceNotActive
	return !errors.As(cause, &unknown) && !errors.As(cause, &noNamespace) &&
		!errors.As(cause, &elsewhere)
}
