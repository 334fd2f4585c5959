package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawl runs the ticket on the crawler that it has a lease of. It answers how the
// ticket ends, or why the lease was lost and the ticket has to be routed again.
func (t *ticket) crawl(ctx workflow.Context) (*ending, fleet.Code) {
	left, bound := t.bound(ctx)
	if bound != nil && left <= 0 {
		return bound, ""
	}
	crawling, cut := workflow.WithCancel(ctx)
	t.cut = cut
	defer func() { t.cut = nil }()
	lease, began := t.routed.Lease, workflow.Now(ctx)
	t.carry.Asks = 0
	said := fmt.Sprintf("crawl %s on %s (%s)", t.routed.Ticket, lease.GUID.Short(), lease.Address)
	var result fleet.CrawlResult
	err := workflow.ExecuteActivity(
		workflow.WithActivityOptions(crawling, crawlOptions(lease, left, said)),
		fleet.ActivityCrawl,
		fleet.CrawlInput{Tenant: t.routed.Tenant, Ticket: t.routed.Ticket, Epoch: lease.Epoch},
	).Get(ctx, &result)
	if err == nil {
		return crawled(result), ""
	}
	if crawling.Err() != nil && ctx.Err() == nil {
		return nil, t.cutShort()
	}
	end, why := t.broken(ctx, err)
	if end == nil {
		end = t.move(ctx, workflow.Now(ctx).Sub(began))
	}
	return end, why
}

// cutShort is the code with which a ticket is routed that was paused in its crawl: none,
// since the desk takes the slot back. One that goes on already has lost its lease.
func (t *ticket) cutShort() fleet.Code {
	if t.carry.Pause != nil {
		return ""
	}
	return fleet.CodeDraining
}

// crawled reads a crawler's answer. It is text from outside: an outcome that a
// crawler cannot decide is a failure.
func crawled(r fleet.CrawlResult) *ending {
	switch r.Outcome {
	case fleet.OutcomeDone, fleet.OutcomeLimited:
		return &ending{outcome: r.Outcome, reason: r.Reason, counters: r.Counters, closed: true}
	case fleet.OutcomeFailed:
		return &ending{outcome: r.Outcome, reason: r.Reason, counters: r.Counters, err: r.Error}
	default:
		e := fleet.Errorf(fleet.CodeInternal, fmt.Sprintf("the crawler answered the outcome %q", r.Outcome))
		return &ending{outcome: fleet.OutcomeFailed, reason: e.Message, err: e}
	}
}

// broken reads why a crawl did not answer: an end of the ticket, or a code with
// which it is routed again.
func (t *ticket) broken(ctx workflow.Context, err error) (*ending, fleet.Code) {
	if ctx.Err() != nil || temporal.IsCanceledError(err) {
		return cancelled(), ""
	}
	if timeout := (*temporal.TimeoutError)(nil); errors.As(err, &timeout) {
		return t.timedOut(ctx, timeout.TimeoutType())
	}
	e := activities.FromTemporal(err)
	if e == nil {
		e = fleet.Errorf(fleet.CodeInternal, err.Error())
	}
	switch e.Code {
	case fleet.CodeCrawlerLost, fleet.CodeDraining, fleet.CodeFenced:
		return nil, e.Code
	case fleet.CodeUnavailable: // cut off from the data plane, which is no fault of the ticket
		return nil, fleet.CodeTimeout
	default:
		return &ending{outcome: fleet.OutcomeFailed, reason: e.Error(), err: e}, ""
	}
}

func (t *ticket) timedOut(ctx workflow.Context, kind enumspb.TimeoutType) (*ending, fleet.Code) {
	// The server cuts the other timeouts to what is left to the deadline.
	left, bound := t.bound(ctx)
	if bound != nil && (left <= 0 || kind == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE) {
		return bound, ""
	}
	switch kind {
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return nil, fleet.CodeTimeout
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return nil, fleet.CodeCrawlerLost
	default:
		e := fleet.Errorf(fleet.CodeTimeout, "the crawl took longer than "+crawlMost.String())
		return &ending{outcome: fleet.OutcomeFailed, reason: e.Message, err: e}, ""
	}
}

// move counts a lost crawler and slows the ticket down where it loses one after
// the other. It answers an end that comes in that pause.
func (t *ticket) move(ctx workflow.Context, lasted time.Duration) *ending {
	t.carry.Moves++
	t.status.Moves = t.carry.Moves
	if lasted > steadyAfter {
		t.carry.Quick = 0
	}
	t.carry.Quick++
	if t.carry.Quick <= freeMoves {
		return nil
	}
	pause := growing(moveFirst, moveMost, t.carry.Quick-freeMoves-1)
	if left, bounded := t.left(ctx); bounded {
		pause = min(pause, max(left, 0))
	}
	if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      pause,
		TimerOptions: workflow.TimerOptions{Summary: "slow down: one crawler after the other was lost"},
	}, t.pending); err != nil {
		return cancelled()
	}
	return nil
}

// growing is first doubled n times, and at most most.
func growing(first, most time.Duration, n int) time.Duration {
	d := first
	for range n {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}
