package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// The processes of the bare side, as arguments of this program.
const (
	bareCommand    = "bare"    // a workflow worker with a data plane: what `crawlfleet worker` is
	nothingCommand = "nothing" // an activity worker whose activity does nothing
)

// The names and queues of the bare side.
const (
	bareWorkflow    = "Bare"
	bareQueue       = "bench"
	nothingQueue    = "bench.nothing"
	nothingActivity = "Nothing"
	bareTenant      = fleet.TenantID("bare")
	bareFleet       = fleet.FleetID("bench")
)

// The environment of the bare side's processes.
const (
	envDir    = "BENCH_DIR"    // of the tenant's database
	envSecret = "BENCH_SECRET" // that signs crawlers' credentials
	envURL    = "BENCH_URL"    // the page to crawl
)

// bareInput names the one activity of a bare workflow.
type bareInput struct {
	Queue    string           `json:"queue"`
	Activity string           `json:"activity"`
	Crawl    fleet.CrawlInput `json:"crawl"`
}

// bare is the bare workflow: one activity on another queue.
func bare(ctx workflow.Context, in bareInput) (json.RawMessage, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           in.Queue,
		StartToCloseTimeout: time.Minute, // a stuck run ends
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var result json.RawMessage
	err := workflow.ExecuteActivity(ctx, in.Activity, in.Crawl).Get(ctx, &result)
	return result, err
}

// onePage is the request of both sides: one page, without a pause.
func onePage(tenant fleet.TenantID, url string) fleet.TicketInput {
	depth, delay := 0, fleet.Duration(0)
	return fleet.TicketInput{
		Tenant: tenant, URLs: []string{url},
		Scope: fleet.Scope{MaxDepth: &depth}, Fetch: fleet.FetchOptions{Delay: &delay},
	}
}

// anybody lets everybody claim the one page: the bare side has no leases.
type anybody struct{ spec fleet.TicketInput }

// Claimable answers the page.
func (a anybody) Claimable(
	context.Context, fleet.TenantID, fleet.TicketID, fleet.GUID, int64,
) (fleet.TicketInput, error) {
	return a.spec, nil
}

// bareReady is the one line that a bare process prints when it serves.
type bareReady struct {
	DataPlane string `json:"dataPlane,omitempty"`
}

// bareControl is the bare side's control worker until stdin ends.
func bareControl(
	ctx context.Context, environ []string, stdin io.Reader, stdout, stderr io.Writer,
) (err error) {
	env := variables(environ)
	spec, err := onePage(bareTenant, env[envURL]).Normalise()
	if err != nil {
		return err
	}
	spec.Scope.MaxPages = fleet.DefaultMaxPages
	data, err := tenantdb.Open(tenantdb.Options{Dir: env[envDir]})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Shutdown()) }()
	if err := data.Create(ctx, bareTenant); err != nil {
		return err
	}
	serve := func(w worker.Worker, log *zap.Logger) (bareReady, error) {
		w.RegisterWorkflowWithOptions(bare, workflow.RegisterOptions{Name: bareWorkflow})
		handler, err := dataplane.New(dataplane.Options{
			Data: data, Leases: anybody{spec}, Log: log,
			Tokens: dataplane.Tokens{Fleet: bareFleet, Secret: fleet.Secret(env[envSecret])},
		})
		if err != nil {
			return bareReady{}, err
		}
		plane := &dataplane.Server{Handler: handler, Log: log} // ends with the process
		if err := plane.Start(ctx); err != nil {
			return bareReady{}, err
		}
		return bareReady{DataPlane: plane.URL()}, nil
	}
	return bareWorker(ctx, environ, stdin, stdout, stderr, bareQueue, serve)
}

// bareNothing is an activity worker, until stdin ends.
func bareNothing(
	ctx context.Context, environ []string, stdin io.Reader, stdout, stderr io.Writer,
) error {
	serve := func(w worker.Worker, _ *zap.Logger) (bareReady, error) {
		w.RegisterActivityWithOptions(
			func(context.Context, fleet.CrawlInput) (fleet.CrawlResult, error) {
				return fleet.CrawlResult{Outcome: fleet.OutcomeDone, Counters: fleet.Counters{Fetched: 1}}, nil
			}, activity.RegisterOptions{Name: nothingActivity})
		return bareReady{}, nil
	}
	return bareWorker(ctx, environ, stdin, stdout, stderr, nothingQueue, serve)
}

// bareWorker connects as our programs do, polls one queue and says so.
func bareWorker(
	ctx context.Context, environ []string, stdin io.Reader, stdout, stderr io.Writer, queue string,
	register func(worker.Worker, *zap.Logger) (bareReady, error),
) error {
	log, err := telemetry.NewLogger(stderr, telemetry.LogOptions{Level: "info", Format: "json"})
	if err != nil {
		return err
	}
	c, err := client.Dial(ctx, client.Options{Environ: environ, Logger: telemetry.SDKLogger(log)})
	if err != nil {
		return err
	}
	defer c.Close()
	worker.SetBinaryChecksum("bench")
	options := worker.Options{}
	if queue == nothingQueue { // as many slots and pollers as the crawler that it stands for
		options.DisableWorkflowWorker = true
		options.MaxConcurrentActivityExecutionSize = slots
		options.MaxConcurrentActivityTaskPollers = crawlerPollers
	}
	w := worker.New(c.Temporal(), queue, options)
	ready, err := register(w, log)
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return fmt.Errorf("poll %s: %w", queue, err)
	}
	defer w.Stop()
	if err := json.NewEncoder(stdout).Encode(ready); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, stdin) // who started us has ended, or closed it
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// variables reads an environment; of several of a name the last counts.
func variables(environ []string) map[string]string {
	all := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		all[name] = value
	}
	return all
}
