package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// coldHold is how long the ticket that had a crawler started waits for it within its
// Route. A process serves within a tenth of a second; a ticket that gets its slot
// meanwhile needs no timer, no signal and no second workflow task. A machine of a cloud
// takes longer: its ticket waits as all others do. It is well below a local activity's
// timeout, and a cancel that comes meanwhile is heard that much later at most.
const coldHold = 500 * time.Millisecond

// cold starts the first crawler of a tenant that has none without the detour over the
// Conductor, which would take its own workflow task, the start of a child and the word
// about that. It is the same decision in the same transaction; the Conductor is told
// where something is left to be decided later. It answers what became of the ticket.
func (t *Tickets) cold(
	ctx context.Context, r fleet.RouteRequest, a fleet.RouteAnswer,
) (fleet.RouteAnswer, error) {
	granted, leave, first := t.Courier.lobby.enter(r.WorkflowID, r.Input.Tenant)
	if !first { // somebody is at it: a flood does not decide once for each of its tickets
		t.tell(ctx, a)
		return a, nil
	}
	defer leave()
	started, err := t.summon(ctx, r.Input.Tenant)
	if err != nil {
		t.Log.Warn("the first crawler was not started; the conductor is told instead",
			zap.String("tenant", string(r.Input.Tenant)), zap.Error(err))
	}
	if err != nil || !started {
		t.tell(ctx, a)
		return a, nil
	}
	timer := time.NewTimer(coldHold)
	defer timer.Stop()
	select {
	case <-granted:
	case <-timer.C:
	case <-ctx.Done():
	}
	leave() // who comes from here on signals
	again, err := t.lease(ctx, r)
	again.Deliveries = append(a.Deliveries, again.Deliveries...)
	if err == nil && again.Tell && (again.Wait == nil || again.Wait.Code != fleet.WaitStarting) {
		t.tell(ctx, again)
	}
	return again, err
}

// summon decides for a tenant and starts its crawlers, and reports whether it started one.
func (t *Tickets) summon(ctx context.Context, tenant fleet.TenantID) (bool, error) {
	d, err := t.Desk.Decide(ctx, tenant)
	if err != nil {
		return false, fmt.Errorf("decide: %w", err)
	}
	for _, in := range d.Starts {
		if err := t.start(ctx, in); err != nil {
			return false, fmt.Errorf("start %s: %w", in.GUID, err)
		}
	}
	t.Courier.Tell(ctx, d.Follow)
	return len(d.Starts) > 0 && d.Wake.IsZero(), nil // the Conductor has the timers
}

// start starts the crawler's workflow, and beside it the crawler where that is a fork on
// this machine. The workflow's own launch, whichever comes first, then finds it: the GUID
// is the key. A crawler that runs before its workflow does is as safe as one whose worker
// was killed in that moment: the next Decide starts the workflow of a reserved row.
func (t *Tickets) start(ctx context.Context, in fleet.CrawlerInput) error {
	var ahead sync.WaitGroup
	ahead.Go(func() { t.Machines.ahead(ctx, in) })
	defer ahead.Wait()
	return t.Courier.Start(ctx, in)
}

// Start starts the workflow of a reserved crawler. One that runs already is no error. Its
// first task comes with the answer, where this worker has a slot for it.
func (c *Courier) Start(ctx context.Context, in fleet.CrawlerInput) error {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	_, err := c.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       fleet.CrawlerWorkflowID(in.Tenant, in.GUID),
		TaskQueue:                                fleet.ControlQueue,
		WorkflowTaskTimeout:                      fleet.ControlTask,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		TypedSearchAttributes:                    CrawlerAttributes(in),
		StaticSummary:                            CrawlerSummary(in),
	}, fleet.CrawlerWorkflow, in)
	if started := (*serviceerror.WorkflowExecutionAlreadyStarted)(nil); errors.As(err, &started) {
		return nil
	}
	return err
}

// CrawlerAttributes are the search attributes of a Crawler workflow.
func CrawlerAttributes(in fleet.CrawlerInput) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(in.Tenant)),
		temporal.NewSearchAttributeKeyKeyword(fleet.AttrOffering).ValueSet(string(in.Offering)),
	)
}

// CrawlerSummary is the summary of a Crawler workflow.
func CrawlerSummary(in fleet.CrawlerInput) string {
	return fmt.Sprintf("a crawler of %s at %s", in.Tenant, in.Offering)
}

// lobby is where tickets wait for their grant within this process, one of each tenant. The
// zero value is ready.
type lobby struct {
	mu      sync.Mutex
	here    map[string]chan struct{} // by workflow id
	tenants map[fleet.TenantID]bool  // of those who are here, or have just been told
}

// enter registers a ticket, if it is the first of its tenant; leave, which may be called
// again, takes it out.
func (l *lobby) enter(
	workflowID string, t fleet.TenantID,
) (granted <-chan struct{}, leave func(), first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tenants[t] {
		return nil, nil, false
	}
	if l.here == nil {
		l.here, l.tenants = map[string]chan struct{}{}, map[fleet.TenantID]bool{}
	}
	word := make(chan struct{}, 1)
	l.here[workflowID], l.tenants[t] = word, true
	return word, sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.here, workflowID)
		delete(l.tenants, t)
	}), true
}

// tell reports whether the ticket was here to be told. Then it asks again before its
// Route returns, whatever happens: a Route that is cut short is repeated.
func (l *lobby) tell(workflowID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	word, ok := l.here[workflowID]
	if ok {
		delete(l.here, workflowID)
		word <- struct{}{} // it has room for one, and was told once
	}
	return ok
}
