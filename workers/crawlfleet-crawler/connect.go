package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

const (
	// redial is the pause between two tries to reach a control side that is not up yet.
	redial = 100 * time.Millisecond
	// echoFresh is how long the data plane's answer at the start is good enough for the
	// Hello, which comes some milliseconds later.
	echoFresh = 5 * time.Second
)

// connect reaches Temporal and the data plane, both at once: a cold start is somebody
// waiting. It gives up when the launch budget is over.
func (p *program) connect(ctx context.Context) error {
	plane, err := remote.New(remote.Options{
		URL: p.s.DataPlane, Token: p.s.Token, Gateway: p.s.Gateway, CA: p.s.GatewayCA, Source: p.s.Source,
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
	both.Go(func() {
		if p.seen, echoed = p.enter(ctx); echoed != nil && p.s.Gateway {
			cancel() // without a credential Temporal is not reached either
		}
	})
	both.Wait()
	switch {
	case echoed != nil && (p.s.Gateway || dialed == nil):
		if dialed == nil {
			p.temporal.Close()
		}
		return fmt.Errorf("ask the %s at %s: %w", p.side(), p.s.DataPlane, echoed)
	case dialed != nil:
		return dialed
	}
	return nil
}

// side is who answers at the URL that this crawler was given.
func (p *program) side() string {
	if p.s.Gateway {
		return "gateway"
	}
	return "data plane"
}

// enter asks for this crawler's address; at the gateway that comes with the credential.
func (p *program) enter(ctx context.Context) (fleet.EchoAnswer, error) {
	if p.s.Gateway {
		return p.plane.Enter(ctx)
	}
	return p.echo(ctx)
}

// temporalOptions lead to the server, or to the gateway before it.
func (p *program) temporalOptions() client.Options {
	o := client.Options{
		Logger: telemetry.SDKLogger(p.log), Identity: "crawler/" + string(p.s.GUID),
	}
	if p.s.Gateway {
		o.Address, o.Namespace = p.plane.Address(), gatewayNamespace
		o.Gateway = &client.Gateway{TLS: p.plane.TLS(), Bearer: p.plane.Bearer}
		return o
	}
	o.Environ, o.Keys = p.s.Environ, p.s.Keys
	return o
}

// gatewayNamespace is what a crawler calls the namespace that the gateway leads to, whose
// name it is not told.
const gatewayNamespace = "default"

func (p *program) dial(ctx context.Context) error {
	for {
		c, err := client.Dial(ctx, p.temporalOptions())
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

// echo asks for this crawler's address, and says which crawls it has.
func (p *program) echo(ctx context.Context) (fleet.EchoAnswer, error) {
	return p.plane.Echo(ctx, fleet.EchoRequest{Runs: p.running.List()})
}

// greetEcho is echo for the container: it spares the Hello of a cold start a question
// that has just been answered.
func (p *program) greetEcho(ctx context.Context) (fleet.EchoAnswer, error) {
	if time.Since(p.mainAt) < echoFresh {
		return p.seen, nil
	}
	return p.echo(ctx)
}

func (p *program) ping(ctx context.Context) error {
	_, err := p.temporal.Temporal().WorkflowService().
		GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return err
}
