package workflows_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows"
)

// world is one workflow in the test environment, with the real activities over a
// store, a substrate and a Temporal client in memory.
type world struct {
	*testsuite.TestWorkflowEnvironment
	store    *activitytest.Store
	temporal *activitytest.Temporal
	provider *activitytest.Provider
	receiver *activitytest.Receiver

	mu     sync.Mutex
	crawls []fleet.CrawlInput
	// The crawler's own activities, which a test may replace.
	hello func(context.Context) (fleet.Hello, error)
	serve func(context.Context, fleet.ServeInput) error
	crawl func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOver(activitytest.NewStore())
}

// newWorldOver goes on with the rows of another one.
func newWorldOver(store *activitytest.Store) *world {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	w := &world{
		TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(),
		store:                   store,
		temporal:                activitytest.NewTemporal(),
		provider:                activitytest.NewProvider(),
		receiver:                activitytest.NewReceiver(),
	}
	w.store.Now = w.Now
	w.SetTestTimeout(time.Minute)
	workflows.Register(w)
	w.hello = func(context.Context) (fleet.Hello, error) {
		return fleet.Hello{
			Contract: fleet.ContractVersion, GUID: activitytest.GUID(1), Address: "127.0.0.2",
		}, nil
	}
	// A Serve that is kept open does not hold up the environment's clock.
	w.serve = func(context.Context, fleet.ServeInput) error { return activity.ErrResultPending }
	w.crawl = func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone, Counters: fleet.Counters{Fetched: 3}}, nil
	}
	w.register()
	return w
}

func (w *world) register() {
	log := zap.NewNop()
	courier := &activities.Courier{Temporal: w.temporal, Desk: w.store, Log: log}
	w.RegisterActivity(&activities.Tickets{
		Desk: w.store, Data: w.store, Courier: courier, Log: log,
	})
	w.RegisterActivity(&activities.Conductors{Desk: w.store, Courier: courier})
	machines := &activities.Machines{
		Fleet: "test", Providers: activities.Providers{"memory": w.provider}, Desk: w.store,
		Env:   func(fleet.CrawlerInput) map[string]string { return nil },
		Token: func(fleet.CrawlerInput) fleet.Secret { return "secret" },
	}
	w.RegisterActivity(&activities.Crawlers{
		Desk: w.store, Temporal: w.temporal, Namespace: "default", Courier: courier,
		Machines: machines,
	})
	w.RegisterActivity(machines)
	w.RegisterActivity(&activities.Tenants{
		Control: w.store, Data: w.store, Temporal: w.temporal, Namespace: "default",
		Courier: courier,
	})
	w.RegisterActivity(&activities.Deliveries{Desk: w.store, Poster: w.receiver, Courier: courier})
	w.RegisterActivityWithOptions(
		func(ctx context.Context) (fleet.Hello, error) { return w.hello(ctx) },
		activity.RegisterOptions{Name: fleet.ActivityHello})
	w.RegisterActivityWithOptions(
		func(ctx context.Context, in fleet.ServeInput) error { return w.serve(ctx, in) },
		activity.RegisterOptions{Name: fleet.ActivityServe})
	w.RegisterActivityWithOptions(w.takeCrawl, activity.RegisterOptions{Name: fleet.ActivityCrawl})
}

func (w *world) takeCrawl(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
	w.mu.Lock()
	w.crawls = append(w.crawls, in)
	w.mu.Unlock()
	return w.crawl(ctx, in)
}

// taken lists the crawls that were begun.
func (w *world) taken() []fleet.CrawlInput {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]fleet.CrawlInput(nil), w.crawls...)
}

// ticket runs a Ticket with a document; it is ticket t1 unless the document says another.
func (w *world) ticket(document string) {
	w.ExecuteWorkflow(fleet.TicketWorkflow, json.RawMessage(document))
}

// smallest is the smallest ticket, named t1.
const smallest = `{"tenant":"acme","id":"t1","urls":["https://example.com/"]}`

func (w *world) result(t *testing.T) fleet.TicketResult {
	t.Helper()
	require.True(t, w.IsWorkflowCompleted())
	require.NoError(t, w.GetWorkflowError())
	var r fleet.TicketResult
	require.NoError(t, w.GetWorkflowResult(&r))
	return r
}
