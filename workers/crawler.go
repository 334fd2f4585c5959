package workers

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// heartbeatThrottle is the longest pause between two heartbeats that reach the
	// server: Crawl's counters are for people, and each one is a write.
	heartbeatThrottle = time.Minute
	// ctlStop is how long Serve may take to return: it does nothing but wait.
	ctlStop = 2 * time.Second
	// maxPollers: each open poll counts against the server's limit for the whole
	// namespace, and one poller takes far more tasks than a crawler gets tickets.
	maxPollers = 4
)

// CrawlerOptions are what a container works with. Client to Crawl are required.
type CrawlerOptions struct {
	Client client.Client
	GUID   fleet.GUID
	Slots  int // tickets at one time
	// Build names the program's build. The SDK would hash the executable without
	// it, which is 38 ms of every cold start.
	Build string
	// Drain is how long running crawls may take to hand back their tickets when
	// the worker is stopped: what the provider grants, less a margin.
	Drain time.Duration
	// Hello, Serve and Crawl are the contract's activities.
	Hello, Serve, Crawl any

	// Interceptors stand around every activity; default none.
	Interceptors []interceptor.WorkerInterceptor
}

// Crawler runs the two queues of one container: one slot for Hello and Serve, so
// that liveness never waits for a crawl, and as many slots for Crawl as leases.
type Crawler struct {
	ctl, crawl worker.Worker
}

// NewCrawler builds the two workers and starts nothing.
func NewCrawler(o CrawlerOptions) (*Crawler, error) {
	switch {
	case o.Client == nil, o.Build == "", o.Hello == nil, o.Serve == nil, o.Crawl == nil:
		return nil, fleet.Errorf(fleet.CodeInvalid, "a crawler needs a client, a build and its activities")
	case o.Slots < 1:
		return nil, fleet.Invalid("slots", fmt.Sprintf("is %d", o.Slots), "at least 1")
	}
	if err := o.GUID.Validate(); err != nil {
		return nil, fmt.Errorf("crawler: %w", err)
	}
	worker.SetBinaryChecksum(o.Build)
	ctl, crawl := container(o)
	c := &Crawler{
		ctl:   worker.New(o.Client, fleet.CtlQueue(o.GUID), o.queue(1, ctlStop)),
		crawl: worker.New(o.Client, fleet.CrawlQueue(o.GUID), o.queue(o.Slots, o.Drain)),
	}
	register(c.ctl, ctl)
	register(c.crawl, crawl)
	return c, nil
}

func (o CrawlerOptions) queue(slots int, stop time.Duration) worker.Options {
	return worker.Options{
		Interceptors:                       o.Interceptors,
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: slots,
		MaxConcurrentActivityTaskPollers:   min(slots, maxPollers),
		MaxHeartbeatThrottleInterval:       heartbeatThrottle,
		WorkerStopTimeout:                  stop,
	}
}

// Start starts polling and returns. The first poll of the control queue is the
// word "ready", so it goes first.
func (c *Crawler) Start() error {
	if err := c.ctl.Start(); err != nil {
		return fmt.Errorf("poll for the handshake: %w", err)
	}
	if err := c.crawl.Start(); err != nil {
		c.ctl.Stop()
		return fmt.Errorf("poll for crawls: %w", err)
	}
	return nil
}

// Stop takes no more crawls, gives running ones the drain time to hand back, and
// ends Serve last: the crawler is seen to live while it drains. A server that does
// not cancel open polls at shutdown may lose a task that it dispatches just then;
// the control side stops a crawler when it has no lease left for that reason.
func (c *Crawler) Stop() {
	c.crawl.Stop()
	c.ctl.Stop()
}
