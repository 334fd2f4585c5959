package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
	"github.com/crawlfleet/crawlfleet/workers"
)

const (
	// handBack is how long pages that are being fetched at a SIGTERM may take. The
	// shortest grace there is comes to mind: 10 s of `docker stop`.
	handBack = 3 * time.Second
	// cutAfter ends the crawls that are not handed back: handBack, and the engine's
	// last exchange.
	cutAfter = 8 * time.Second
	// answerAfter is for the last answers to reach Temporal.
	answerAfter = 2 * time.Second
	// leaveAfter ends the program whatever still hangs, a call to a dead server say.
	leaveAfter = 15 * time.Second
	// redial is the pause between two tries to reach a control side that is not up yet.
	redial = 100 * time.Millisecond
	// echoFresh is how long the data plane's answer at the start is good enough for the
	// Hello, which comes some milliseconds later.
	echoFresh = 5 * time.Second
)

// program is a connected crawler.
type program struct {
	s        settings
	log      *zap.Logger
	mainAt   time.Time
	temporal *client.Client
	dialedAt time.Time
	plane    *remote.Client
	engine   *crawler.Engine
	address  string // as the data plane sees it
	drain    chan struct{}
	cut      chan struct{}
}

// serve connects, polls, and ends when ctx does (nil), or when there is a reason to
// leave (an error).
func serve(ctx context.Context, mainAt time.Time, s settings, log *zap.Logger) error {
	p := &program{
		s: s, log: log, mainAt: mainAt, drain: make(chan struct{}), cut: make(chan struct{}),
	}
	if err := p.connect(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end before it began
		}
		return err
	}
	defer p.temporal.Close()
	defer p.plane.Close()
	plane, interceptors := p.seams()
	p.engine = crawler.New(crawler.Options{
		DataPlane: plane, Version: build(), Contact: s.Contact, Address: p.address,
		AllowPrivate: s.AllowPrivate, Source: s.Source, SourceFor: s.SourceFor, Logger: log,
	})
	defer p.engine.Close()
	health, err := p.health(ctx)
	if err != nil {
		return err
	}
	err = p.work(ctx, interceptors)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerAfter)
	defer cancel()
	return errors.Join(err, health.Stop(ending))
}

// health serves /livez, /readyz and /metrics where the environment gives an address.
// The crawler is ready when Temporal answers it.
func (p *program) health(ctx context.Context) (*telemetry.Endpoint, error) {
	if p.s.HTTP == "" {
		return nil, nil //nolint:nilnil // a nil Endpoint is one that is switched off
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.s.HTTP)
	if err != nil {
		return nil, fleet.Invalid(fleet.EnvHTTP, err.Error(), "an address to listen on")
	}
	ready := func(ctx context.Context) error {
		_, err := p.temporal.Temporal().CheckHealth(ctx, nil)
		return err
	}
	e := telemetry.Serve(l, telemetry.NewHandler(ready, telemetry.NewRegistry()))
	p.log.Info("health and metrics", zap.String("url", e.URL()))
	return e, nil
}

// connect reaches Temporal and the data plane, both at once: a cold start is somebody
// waiting. It gives up when the launch budget is over.
func (p *program) connect(ctx context.Context) error {
	plane, err := remote.New(remote.Options{
		URL: p.s.DataPlane, Token: p.s.Token, Source: p.s.Source,
		SourceAny: p.s.SourceFor == fetch.SourceAny, Patience: p.s.OrphanAfter, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.plane = plane
	ctx, cancel := context.WithDeadline(ctx, p.mainAt.Add(p.s.LaunchBudget))
	defer cancel()
	var dialed, echoed error
	var both sync.WaitGroup
	both.Go(func() {
		if dialed = p.dial(ctx); dialed != nil {
			cancel()
		}
	})
	both.Go(func() { p.address, echoed = p.echo(ctx) })
	both.Wait()
	switch {
	case dialed != nil:
		return dialed
	case echoed != nil:
		p.temporal.Close()
		return fmt.Errorf("ask the data plane at %s: %w", p.s.DataPlane, echoed)
	}
	return nil
}

func (p *program) dial(ctx context.Context) error {
	for {
		c, err := client.Dial(ctx, client.Options{
			Environ: p.s.Environ, Keys: p.s.Keys, Logger: telemetry.SDKLogger(p.log),
			Identity: "crawler/" + string(p.s.GUID),
		})
		if err == nil {
			p.temporal, p.dialedAt = c, time.Now()
			return nil
		}
		if !fleet.CodeOf(err).Retryable() {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(redial):
		}
	}
}

func (p *program) echo(ctx context.Context) (string, error) {
	a, err := p.plane.Echo(ctx)
	return a.Address, err
}

// greetEcho is echo for the container: it spares the Hello of a cold start a question
// that has just been answered.
func (p *program) greetEcho(ctx context.Context) (string, error) {
	if time.Since(p.mainAt) < echoFresh {
		return p.address, nil
	}
	return p.echo(ctx)
}

func (p *program) ping(ctx context.Context) error {
	_, err := p.temporal.Temporal().WorkflowService().
		GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return err
}

// work polls both queues until it is time to go, and hands back.
func (p *program) work(ctx context.Context, around []interceptor.WorkerInterceptor) error {
	container := activities.NewContainer(activities.ContainerOptions{
		GUID: p.s.GUID, Slots: p.s.Slots, PID: os.Getpid(),
		Contract: contractVersion(), Build: build(), MainAt: p.mainAt, DialedAt: p.dialedAt,
		LaunchBudget: p.s.LaunchBudget, OrphanAfter: p.s.OrphanAfter,
		Echo: p.greetEcho, Ping: p.ping, Drain: p.drain,
	})
	engine := newLeased(p.engine, p.s.GUID)
	crawls := &activities.Crawls{
		Tenant: p.s.Tenant, Engine: engine, Ping: p.ping, Cut: p.cut,
		Hear: p.temporal.Temporal().RecordActivityHeartbeat,
	}
	polling, err := workers.NewCrawler(workers.CrawlerOptions{
		Client: p.temporal.Temporal(), GUID: p.s.GUID, Slots: p.s.Slots, Build: build(),
		Drain: cutAfter + answerAfter,
		Hello: container.Hello, Serve: container.Serve, Crawl: crawls.Crawl, Interceptors: around,
	})
	if err != nil {
		return err
	}
	if err := polling.Start(); err != nil {
		return err
	}
	p.log.Info("the crawler polls", zap.String("address", p.address), zap.Int("slots", p.s.Slots),
		zap.Duration("sinceMain", time.Since(p.mainAt)))

	tidying, stop := context.WithCancel(ctx)
	var tidied sync.WaitGroup
	tidied.Go(func() { engine.tidy(tidying, p.log) })
	err = container.Watch(ctx) // nil when ctx has ended
	stop()
	tidied.Wait()
	p.leave(polling)
	return err
}

// leave hands the tickets back and stops polling, in bounded time.
func (p *program) leave(polling *workers.Crawler) {
	p.log.Info("the crawler drains")
	close(p.drain)
	p.engine.Drain(handBack)
	cut := time.AfterFunc(cutAfter, func() { close(p.cut) })
	defer cut.Stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		polling.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(leaveAfter):
		p.log.Warn("leaving without an answer from Temporal")
	}
}
