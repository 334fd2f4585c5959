package main

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/crawler"
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
	// arriveWithin is when the Hello has said it anyway.
	arriveWithin = 2 * time.Second
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
	running  *activities.Running
	seen     fleet.EchoAnswer // its address, as the control side saw it at the start
	drain    chan struct{}
	cut      chan struct{}
}

// serve connects, polls, and ends when ctx does (nil), or when there is a reason to
// leave (an error).
func serve(ctx context.Context, mainAt time.Time, s settings, log *zap.Logger) error {
	p := &program{
		s: s, log: log, mainAt: mainAt, running: activities.NewRunning(), drain: make(chan struct{}), cut: make(chan struct{}),
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
		DataPlane: plane, Version: build(), Contact: s.Contact, Address: p.seen.Address,
		Reach: s.Reach, Source: s.Source, SourceFor: s.SourceFor, IPv6: s.IPv6,
		Logger: log,
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
	e := telemetry.Serve(l, telemetry.NewHandler(p.ping, telemetry.NewRegistry()))
	p.log.Info("health and metrics", zap.String("url", e.URL()))
	return e, nil
}

// work polls both queues until it is time to go, and hands back.
func (p *program) work(ctx context.Context, around []interceptor.WorkerInterceptor) error {
	self := activities.ContainerOptions{
		GUID: p.s.GUID, Slots: p.s.Slots, PID: os.Getpid(),
		Contract: contractVersion(), Build: build(), MainAt: p.mainAt, DialedAt: p.dialedAt,
		LaunchBudget: p.s.LaunchBudget, OrphanAfter: p.s.OrphanAfter,
		Echo: p.greetEcho, Ping: p.ping, Drain: p.drain,
	}
	container := activities.NewContainer(self)
	engine := newLeased(p.engine, p.s.GUID)
	crawls := &activities.Crawls{
		Tenant: p.s.Tenant, Engine: engine, Ping: p.ping, Cut: p.cut, Running: p.running,
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
	p.log.Info("the crawler polls", zap.String("address", p.seen.Address), zap.Int("slots", p.s.Slots),
		zap.Duration("sinceMain", time.Since(p.mainAt)))

	tidying, stop := context.WithCancel(ctx)
	var tidied sync.WaitGroup
	tidied.Go(func() { engine.tidy(tidying, p.log) })
	tidied.Go(func() { p.arrive(tidying, self.Greeting(p.seen)) })
	if p.s.Gateway {
		tidied.Go(func() { p.renew(tidying) })
	}
	err = container.Watch(ctx) // nil when ctx has ended
	stop()
	tidied.Wait()
	p.leave(polling)
	return err
}

// arrive says by the data plane that the crawler polls: the Hello says the same, but after
// a way over Temporal, and somebody waits for a slot. An error is not worth a word: an
// older control side knows no such call.
func (p *program) arrive(ctx context.Context, h fleet.Hello) {
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	if err := p.plane.Ready(ctx, h); err != nil {
		p.log.Debug("the control side does not take the word that the crawler polls", zap.Error(err))
	}
}

// renew keeps the credential young. One that is not renewed is good for what is left of
// it: time to hand back, for a crawler that is not wanted any more.
func (p *program) renew(ctx context.Context) {
	if err := p.plane.Renew(ctx); err != nil {
		p.log.Warn("the gateway renews the credential no more", zap.Error(err))
	}
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
