package workers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows"
)

// DefaultListEvery is the least pause between two lists of a provider: one that costs
// money and no row knows of runs on for as long, and a cloud's API has a rate.
const DefaultListEvery = 30 * time.Second

// DefaultSpendEvery is the pause between two looks at the spend caps: a cap is passed by
// what a tenant's crawlers cost in that time at most, and the end of their tickets.
const DefaultSpendEvery = 5 * time.Second

// DefaultKeepEvery is the pause between two rounds of forgetting what need not be kept;
// retention is counted in hours.
const DefaultKeepEvery = time.Minute

// DefaultMarketEvery is the pause between two questions to the providers what they offer:
// a node that is gone takes no crawlers for so long, which a failed launch shows as well.
const DefaultMarketEvery = time.Minute

// controlStop is how long running activities may finish when the control worker
// stops: transactions take milliseconds, and what heartbeats is taken up elsewhere.
const controlStop = 10 * time.Second

// stickyPickup is how long a workflow task waits for the worker that has the workflow in
// its memory, before any worker takes it: what a killed worker costs every workflow that it
// had. The SDK's 5 s are for workers that may be busy for so long; ours answers in
// milliseconds, and a task that it misses is replayed from a history of some dozen events.
const stickyPickup = 2 * time.Second

// DefaultReapEvery is the pause between two rounds of the reaper: a terminated
// ticket holds its slot for the reaper's least age (5 s) and this.
const DefaultReapEvery = 5 * time.Second

// deliverSlots is how many webhooks are told at one time: each may hang for 15 s, and
// costs a connection meanwhile.
const deliverSlots = 32

// ControlOptions are what the control side works with. Client to Log are required.
type ControlOptions struct {
	Client    client.Client
	Namespace string // that of Client
	Fleet     fleet.FleetID
	Control   fleet.Control
	Data      fleet.TenantData
	// Poster makes the requests to webhooks.
	Poster    fleet.Poster
	Providers activities.Providers
	// Accounts are the substrate accounts whose launches this worker carries out.
	Accounts []fleet.Account
	// Env gives a crawler's environment without secrets, Token its credential at the data
	// plane, or for the gateway.
	Env   func(fleet.CrawlerInput) map[string]string
	Token func(fleet.CrawlerInput) fleet.Secret
	// Proven refuses a Hello whose address the control side has not seen; nil to believe
	// every crawler.
	Proven func(fleet.GUID, fleet.Hello) error
	// Running answers what a crawler said last of the crawls that it has; nil where nobody
	// hears that.
	Running func(fleet.GUID) (fleet.Running, bool)
	// Build names this program's build; the SDK hashes the executable without it.
	Build string
	Log   *zap.Logger

	// Allow lists the private networks that tickets may crawl and webhooks be in; default
	// none.
	Allow []netip.Prefix
	// Retry says how often messages to webhooks are tried; its fields have defaults.
	Retry fleet.DeliveryRetry
	// ReapEvery is the pause between two rounds of the reaper; default DefaultReapEvery.
	ReapEvery time.Duration
	// Interceptors stand around every activity; default none.
	Interceptors []interceptor.WorkerInterceptor
	// Clock is the control store's source of time; default time.Now.
	Clock func() time.Time
	// ListEvery is the least pause between two comparisons of a provider's list with the
	// rows; default DefaultListEvery.
	ListEvery time.Duration
	// MarketEvery is the pause between two questions to the providers what they offer;
	// default DefaultMarketEvery. IdleAfter is the idle time of all places, where the
	// operator sets one.
	MarketEvery time.Duration
	IdleAfter   time.Duration
	// SpendEvery is the pause between two looks at the spend caps, KeepEvery that between
	// two rounds of forgetting; defaults DefaultSpendEvery and DefaultKeepEvery.
	SpendEvery, KeepEvery time.Duration
	// Count is told what happens, for metrics; default nobody.
	Count activities.Count
}

// Validate names the first required option that is missing.
func (o ControlOptions) Validate() error {
	for _, c := range []struct {
		name    string
		missing bool
	}{
		{"Client", o.Client == nil},
		{"Namespace", o.Namespace == ""},
		{"Fleet", o.Fleet == ""},
		{"Control", o.Control == nil},
		{"Data", o.Data == nil},
		{"Poster", o.Poster == nil},
		{"Providers", len(o.Providers) == 0},
		{"Accounts", len(o.Accounts) == 0},
		{"Env", o.Env == nil},
		{"Token", o.Token == nil},
		{"Build", o.Build == ""},
		{"Log", o.Log == nil},
	} {
		if c.missing {
			return fleet.Invalid(c.name, "is missing", "the control worker's "+c.name)
		}
	}
	return nil
}

// Control runs the control side of a fleet. Several may run beside each other.
type Control struct {
	workers []worker.Worker
	reaper  *activities.Reaper
	watch   *activities.Watch
	keeper  *activities.Keeper
	market  *activities.Market
	arrived func(context.Context, fleet.Hello) error
	log     *zap.Logger

	stop  context.CancelFunc
	loops sync.WaitGroup
}

// Arrived takes a crawler's word, given to the data plane, that it polls its queues.
func (c *Control) Arrived(ctx context.Context, h fleet.Hello) error { return c.arrived(ctx, h) }

// NewControl builds the control side and starts nothing.
func NewControl(o ControlOptions) (*Control, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("control worker: %w", err)
	}
	o.ReapEvery = cmp.Or(o.ReapEvery, DefaultReapEvery)
	o.ListEvery = cmp.Or(o.ListEvery, DefaultListEvery)
	o.SpendEvery = cmp.Or(o.SpendEvery, DefaultSpendEvery)
	o.KeepEvery = cmp.Or(o.KeepEvery, DefaultKeepEvery)
	worker.SetBinaryChecksum(o.Build)
	set := newSet(o)
	o.MarketEvery = cmp.Or(o.MarketEvery, DefaultMarketEvery)
	c := &Control{
		reaper: set.reaper(o), watch: set.watch(o), keeper: set.keeper(o), market: set.market(o), log: o.Log,
		arrived: activities.Arrivals(o.Control, set.courier),
	}

	control := worker.New(o.Client, fleet.ControlQueue, c.options(o))
	workflows.Register(control)
	register(control, set.control())
	c.workers = append(c.workers, control)

	for _, account := range o.Accounts {
		options := c.options(o)
		options.DisableWorkflowWorker = true
		launch := worker.New(o.Client, fleet.LaunchQueue(account), options)
		register(launch, set.launch())
		c.workers = append(c.workers, launch)
	}
	options := c.options(o)
	options.DisableWorkflowWorker = true
	options.MaxConcurrentActivityExecutionSize = deliverSlots
	deliver := worker.New(o.Client, fleet.DeliverQueue, options)
	register(deliver, set.deliver())
	c.workers = append(c.workers, deliver)
	return c, nil
}

func (c *Control) options(o ControlOptions) worker.Options {
	return worker.Options{
		WorkerStopTimeout:            controlStop,
		StickyScheduleToStartTimeout: stickyPickup,
		Interceptors:                 o.Interceptors,
		OnFatalError: func(err error) {
			c.log.Error("a worker gave up", zap.Error(err))
		},
	}
}

// Start starts polling and returns; what was started is stopped again if a part
// fails. Before, the providers are asked what they offer: one that does not answer offers
// what it did last. The reaper, the watch, the keeper and the market run until Stop.
func (c *Control) Start(ctx context.Context) error {
	if err := c.market.Round(ctx); err != nil {
		c.log.Warn("market", zap.Error(err))
	}
	for i, w := range c.workers {
		if err := w.Start(); err != nil {
			for _, started := range c.workers[:i] {
				started.Stop()
			}
			return fmt.Errorf("start the control workers: %w", err)
		}
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.loops.Go(func() { c.reaper.Run(ctx) })
	c.loops.Go(func() { c.watch.Run(ctx) })
	c.loops.Go(func() { c.keeper.Run(ctx) })
	c.loops.Go(func() { c.market.Run(ctx) })
	return nil
}

// Stop ends the loops, takes no more tasks and waits for running ones, at most
// until the context ends.
func (c *Control) Stop(ctx context.Context) error {
	if c.stop != nil {
		c.stop()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.loops.Wait()
		var all sync.WaitGroup
		for _, w := range c.workers { // together: each may take its whole stop timeout
			all.Go(w.Stop)
		}
		all.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(fleet.Errorf(fleet.CodeTimeout, "the control workers did not stop in time"), ctx.Err())
	}
}
