package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The times of a ticket.
const (
	// A lease means a free slot, so a crawl that is not taken at once is news. It
	// is longer than the back-off of a worker after the server's restart (10 s is
	// its cap, and its steps before are shorter).
	crawlPickup = 10 * time.Second
	// crawlMost ends what nothing else ends; deadlines are the tickets' own.
	crawlMost = 30 * 24 * time.Hour
	// A dead crawler is noticed by Serve and by its provider. This one has to be
	// longer than an outage of Temporal (10 min), or every crawl would time out the
	// moment the server is back.
	crawlSilence = 12 * time.Minute

	// A waiting ticket is told when a slot is free; it asks by itself in case the
	// word was lost: after a minute, and less and less often.
	askFirst = time.Minute
	askMost  = 15 * time.Minute
	askLeast = time.Second // where the store says when
	// A scheduled ticket that comes too early, by another clock, asks again after this.
	startLeast = 50 * time.Millisecond

	// A ticket that loses crawler after crawler within steadyAfter slows down from
	// the third on, so that a broken fleet does not fill its history.
	steadyAfter = time.Minute
	freeMoves   = 3
	moveFirst   = time.Second
	moveMost    = time.Minute
)

// The times of a crawler.
const (
	// The launch budget: a container that has not said Hello by then is given up,
	// and exits by itself if it comes later.
	launchBudget = time.Minute
	helloMost    = 30 * time.Second // it answers at once; the echo may be slow

	serveSilence = 30 * time.Second     // the SDK heartbeats every 24 s at this value
	servePickup  = 90 * time.Second     // after a lost heartbeat: 3 of its back-offs
	serveMost    = 400 * 24 * time.Hour // longer than any crawler may live

	// A Serve that ends in an error so often, each within serveSteady, will not get better.
	serveFails  = 3
	serveSteady = time.Minute

	// At least this share of the crawler's age lies between two looks at its idle
	// time: a look costs 6 events, so 30 days make about 1,250 of them.
	idleShare = 100
	idleLeast = time.Second

	drainGrace = 30 * time.Second // the default of DrainRequest.Grace
	drainFirst = 200 * time.Millisecond
	drainMost  = 5 * time.Second
	stopGrace  = 15 * time.Second // a crawler takes 10 s at most to hand back what runs

	launchMost     = 2 * time.Minute  // one call of a slow cloud API
	launchSilence  = 10 * time.Second // a worker that is lost in mid-launch
	launchTries    = 5                // then the place is given up
	describeMost   = 10 * time.Second // one call
	describeBudget = 30 * time.Second // with retries; unknown is an answer too
	stopMost       = 24 * time.Hour   // one attempt, heartbeating; it is repeated for ever
	stopSilence    = 10 * time.Second // a worker that is lost in mid-stop
)

// Stop and Describe go before launches on an account's queue: what runs costs
// money, and what is dead holds tickets.
const (
	priorityUrgent = 1
	priorityLaunch = 3
)

// The times of a message to a webhook, where its input names none.
const (
	sendMost    = 20 * time.Second // one try: 15 s for the receiver, and its note in the row
	resendFirst = 5 * time.Second  // a receiver that is just being restarted
	resendMost  = time.Hour        // a receiver that is down is not hammered
	resendFor   = 24 * time.Hour   // then somebody has to look at it
)

// The Conductor continues as new after this many decisions at the latest, far
// below the server's own suggestion (4,096 events).
const conductorRounds = 200

// wakeLeast keeps a Wake that has passed already from becoming a busy loop.
const wakeLeast = time.Second

// patience is for a store that is away, which must fail nobody.
const patience = 30 * 24 * time.Hour

// local runs a short activity in this worker, as one event. Errors that may pass
// are retried for as long as a store may be away.
func local(ctx workflow.Context, said string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second, // a transaction takes milliseconds; a lock may be held for 5 s
		ScheduleToCloseTimeout: patience,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second, // soon after the store is back
		},
		Summary: summary("%s", said),
	})
}

// once is the retry policy on a crawler's own queue: the server would retry on the
// queue of a crawler that may be dead; the workflow decides instead.
func once() *temporal.RetryPolicy { return &temporal.RetryPolicy{MaximumAttempts: 1} }

func crawlOptions(lease *fleet.Lease, left time.Duration, said string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ActivityID:             fleet.ActivityCrawlID(lease.Epoch),
		TaskQueue:              fleet.CrawlQueue(lease.GUID),
		ScheduleToStartTimeout: crawlPickup,
		StartToCloseTimeout:    crawlMost,
		ScheduleToCloseTimeout: left, // zero: none
		HeartbeatTimeout:       crawlSilence,
		RetryPolicy:            once(),
		Summary:                summary("%s", said),
	}
}

func helloOptions(g fleet.GUID) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ActivityID:             "hello",
		TaskQueue:              fleet.CtlQueue(g),
		ScheduleToStartTimeout: launchBudget,
		StartToCloseTimeout:    helloMost,
		RetryPolicy:            once(),
		Summary:                summary("ready: %s", g),
	}
}

func serveOptions(g fleet.GUID) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ActivityID:             "serve",
		TaskQueue:              fleet.CtlQueue(g),
		ScheduleToStartTimeout: servePickup,
		StartToCloseTimeout:    serveMost,
		HeartbeatTimeout:       serveSilence,
		RetryPolicy:            once(),
		Summary:                summary("liveness of %s", g),
	}
}

func launchOptions(in fleet.CrawlerInput) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           fleet.LaunchQueue(in.Account),
		StartToCloseTimeout: launchMost,
		HeartbeatTimeout:    launchSilence,
		// What was begun is waited for: Stop must not overtake it.
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, MaximumInterval: 30 * time.Second,
			MaximumAttempts: launchTries,
		},
		Priority: temporal.Priority{PriorityKey: priorityLaunch, FairnessKey: string(in.Tenant)},
		Summary:  summary("launch at %s", in.Offering),
	}
}

func describeOptions(in fleet.CrawlerInput) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              fleet.LaunchQueue(in.Account),
		StartToCloseTimeout:    describeMost,
		ScheduleToCloseTimeout: describeBudget,
		Priority:               temporal.Priority{PriorityKey: priorityUrgent, FairnessKey: string(in.Tenant)},
		Summary:                "ask the provider whether it is still there",
	}
}

func stopOptions(in fleet.CrawlerInput) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           fleet.LaunchQueue(in.Account),
		StartToCloseTimeout: stopMost,
		HeartbeatTimeout:    stopSilence,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, MaximumInterval: time.Minute, // for ever: it costs money
		},
		Priority: temporal.Priority{PriorityKey: priorityUrgent, FairnessKey: string(in.Tenant)},
		Summary:  "stop until the provider has none",
	}
}

// retried sets what the input leaves out.
func retried(r fleet.DeliveryRetry) fleet.DeliveryRetry {
	for _, d := range []struct {
		field *fleet.Duration
		value time.Duration
	}{{&r.First, resendFirst}, {&r.Most, resendMost}, {&r.For, resendFor}} {
		if *d.field <= 0 {
			*d.field = fleet.Duration(d.value)
		}
	}
	return r
}

func sendOptions(in fleet.DeliveryInput) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              fleet.DeliverQueue,
		StartToCloseTimeout:    sendMost,
		ScheduleToCloseTimeout: in.Retry.For.Std(),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: in.Retry.First.Std(), BackoffCoefficient: 2,
			MaximumInterval: in.Retry.Most.Std(),
		},
		// A tenant whose receiver hangs holds up its own messages before those of others.
		Priority: temporal.Priority{FairnessKey: string(in.Tenant)},
		Summary:  summary("tell the webhook, again for up to %s", spoken(in.Retry.For.Std())),
	}
}
