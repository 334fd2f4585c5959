package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/uuid"
	sdk "go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// side is one of what is compared.
type side struct {
	name string
	do   func(context.Context) (workflowID string, err error) // one piece of work, to its result
	pids map[string]int                                       // the processes that work for it
}

// sides are the ticket, the bare workflow with the same crawl, and one with nothing.
func (r *rig) sides() []side {
	server, us, control := r.fleet.Server.PID(), os.Getpid(), r.control.cmd.Process.Pid
	return []side{
		r.fleetSide("ticket"),
		{
			name: "bare, same crawl",
			pids: map[string]int{"client": us, "server": server, "control": control, "crawler": r.bare.cmd.Process.Pid},
			do:   func(ctx context.Context) (string, error) { return r.run(ctx, crawlOf(r.guid), done) },
		},
		{
			name: "bare, nothing",
			pids: map[string]int{"client": us, "server": server, "control": control, "crawler": r.nothing.cmd.Process.Pid},
			do: func(ctx context.Context) (string, error) {
				return r.run(ctx, bareInput{Queue: nothingQueue, Activity: nothingActivity}, done)
			},
		},
	}
}

// ticket does one ticket.
func (r *rig) ticket(ctx context.Context, t fleet.TenantID) (workflowID string, err error) {
	k, _, err := r.ticketResult(ctx, t)
	return k.WorkflowID, err
}

func (r *rig) ticketResult(
	ctx context.Context, t fleet.TenantID,
) (k client.Ticket, result fleet.TicketResult, err error) {
	if k, err = r.fleet.Client.StartTicket(ctx, onePage(t, r.page)); err != nil {
		return k, result, err
	}
	result, err = r.fleet.Client.WaitTicket(ctx, k.WorkflowID, k.RunID)
	if err == nil && (result.Outcome != fleet.OutcomeDone || result.Counters.Fetched != 1) {
		err = fmt.Errorf("ticket %s ended %s with %d pages: %s", k.Ticket, result.Outcome,
			result.Counters.Fetched, result.Reason)
	}
	return k, result, err
}

// crawlOf is a bare crawl on the queue of a forked crawler.
func crawlOf(g fleet.GUID) bareInput {
	return bareInput{Queue: fleet.CrawlQueue(g), Activity: fleet.ActivityCrawl, Crawl: fleet.CrawlInput{
		Tenant: bareTenant, Ticket: fleet.TicketID(uuid.Must(uuid.NewV7()).String()), Epoch: 1,
	}}
}

// done reads the answer of a crawl.
func done(answer json.RawMessage) error {
	var result fleet.CrawlResult
	if err := json.Unmarshal(answer, &result); err != nil {
		return err
	}
	if result.Outcome != fleet.OutcomeDone || result.Counters.Fetched != 1 {
		return fmt.Errorf("it answers %s", answer)
	}
	return nil
}

// hello asks a forked crawler who it is and when it came to what.
func (r *rig) hello(ctx context.Context, g fleet.GUID) (h fleet.Hello, err error) {
	_, err = r.run(ctx, bareInput{Queue: fleet.CtlQueue(g), Activity: fleet.ActivityHello},
		func(answer json.RawMessage) error { return json.Unmarshal(answer, &h) })
	return h, err
}

// run does one bare workflow on the fleet's server.
func (r *rig) run(
	ctx context.Context, in bareInput, read func(json.RawMessage) error,
) (workflowID string, err error) {
	return runOn(ctx, r.fleet.Client.Temporal(), in, read)
}

// runOn does one bare workflow on any server.
func runOn(
	ctx context.Context, c sdk.Client, in bareInput, read func(json.RawMessage) error,
) (workflowID string, err error) {
	run, err := begin(ctx, c, in)
	if err != nil {
		return "", err
	}
	var answer json.RawMessage
	if err := client.Result(ctx, run, &answer); err != nil {
		return "", err
	}
	return run.GetID(), read(answer)
}

func begin(ctx context.Context, c sdk.Client, in bareInput) (sdk.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{
		ID: "bare/" + uuid.NewString(), TaskQueue: bareQueue,
	}, bareWorkflow, in)
}
