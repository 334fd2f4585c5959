package activities

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// messageTimeout bounds one message: all of them are hints, and a Temporal
	// server that is away must not hold up an end that is recorded already.
	messageTimeout = 3 * time.Second
	// maxPasses bounds how often a grant may pass on within one errand: after that
	// the reaper and the tickets' own timers find what is left.
	maxPasses = 100
)

// Courier tells those whom a committed transaction concerns. Everything it brings
// is a hint: it may be told twice, and what it cannot deliver is logged and left
// to the timers.
type Courier struct {
	Temporal Temporal
	Desk     fleet.TicketDesk
	// Retry says how often the messages to webhooks are tried.
	Retry fleet.DeliveryRetry
	Log   *zap.Logger

	lobby lobby
}

// Tell delivers a Follow: granted to tickets, demand to Conductors, drain to
// crawlers, and Delivery workflows of messages to webhooks. A grant whose ticket is closed is given back and passes to the next.
func (c *Courier) Tell(ctx context.Context, f fleet.Follow) {
	for pass := 0; len(f.Grants) > 0 || len(f.Conductors) > 0 || len(f.Drains) > 0 ||
		len(f.Deliveries) > 0; pass++ {
		if pass == maxPasses {
			c.Log.Warn("grants pass on without end", zap.Int("left", len(f.Grants)))
			return
		}
		f = c.deliver(ctx, f)
	}
}

// deliver tells one Follow and answers what came of grants that were given back.
func (c *Courier) deliver(ctx context.Context, f fleet.Follow) fleet.Follow {
	var next fleet.Follow
	for _, g := range f.Grants {
		if c.lobby.tell(g.WorkflowID) {
			continue
		}
		err := c.signal(ctx, g.WorkflowID, fleet.SignalGranted, nil)
		if !notFound(err) {
			c.undelivered(err, "granted", g.WorkflowID)
			continue
		}
		more, err := c.Desk.Ungrant(ctx, g)
		c.undelivered(err, "ungrant", g.WorkflowID)
		next.Grants = append(next.Grants, more.Grants...)
		next.Conductors = append(next.Conductors, more.Conductors...)
		next.Drains = append(next.Drains, more.Drains...)
		next.Deliveries = append(next.Deliveries, more.Deliveries...)
	}
	for _, t := range f.Conductors {
		c.undelivered(c.Demand(ctx, t), "demand", fleet.ConductorWorkflowID(t))
	}
	for _, d := range f.Drains {
		c.Drain(ctx, d.CrawlerRef, d.DrainRequest)
	}
	for _, ref := range f.Deliveries {
		c.undelivered(c.Deliver(ctx, ref), "delivery", fleet.DeliveryWorkflowID(ref.Tenant, ref.ID))
	}
	return next
}

// Drain asks one crawler to drain. One that is gone has drained.
func (c *Courier) Drain(ctx context.Context, ref fleet.CrawlerRef, r fleet.DrainRequest) {
	id := fleet.CrawlerWorkflowID(ref.Tenant, ref.GUID)
	if err := c.signal(ctx, id, fleet.SignalDrain, r); !notFound(err) {
		c.undelivered(err, "drain", id)
	}
}

// Demand signals a tenant's Conductor, which is started where it does not run.
func (c *Courier) Demand(ctx context.Context, t fleet.TenantID) error {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	_, err := c.Temporal.SignalWithStartWorkflow(ctx, fleet.ConductorWorkflowID(t),
		fleet.SignalDemand, nil, client.StartWorkflowOptions{
			TaskQueue:                fleet.ControlQueue,
			WorkflowTaskTimeout:      fleet.ControlTask,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			TypedSearchAttributes:    ofTenant(t),
			StaticSummary:            "dispatches the tickets of " + string(t),
		}, fleet.ConductorWorkflow, fleet.ConductorInput{Tenant: t})
	return err
}

// Deliver starts the workflow of a message to a webhook, where it does not run.
func (c *Courier) Deliver(ctx context.Context, ref fleet.DeliveryRef) error {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	_, err := c.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       fleet.DeliveryWorkflowID(ref.Tenant, ref.ID),
		TaskQueue:                fleet.ControlQueue,
		WorkflowTaskTimeout:      fleet.ControlTask,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes:    ofTenant(ref.Tenant),
		StaticSummary:            "a message to a webhook of " + string(ref.Tenant),
	}, fleet.DeliveryWorkflow, fleet.DeliveryInput{DeliveryRef: ref, Retry: c.Retry})
	return err
}

func ofTenant(t fleet.TenantID) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet(string(t)))
}

func (c *Courier) signal(ctx context.Context, workflowID, name string, arg any) error {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	return c.Temporal.SignalWorkflow(ctx, workflowID, "", name, arg)
}

func (c *Courier) undelivered(err error, what, workflowID string) {
	if err != nil {
		c.Log.Warn("not delivered; a timer will ask",
			zap.String("what", what), zap.String("workflow", workflowID), zap.Error(err))
	}
}
