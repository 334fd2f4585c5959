package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workers"
)

const (
	build = "record"
	// idleAfter is short, so that an idle crawler is soon recorded.
	idleAfter = 2 * time.Second
)

// stage is a fleet: the real workers, a real server, the rest in memory.
type stage struct {
	client   client.Client
	store    *activitytest.Store
	provider *activitytest.Provider
	receiver *activitytest.Receiver
	control  *workers.Control

	mu       sync.Mutex
	crawlers map[fleet.GUID]*workers.Crawler
	seen     map[fleet.TicketID]bool
	told     int // messages to webhooks

	mute atomic.Bool // crawlers are launched and do not come up
	last fleet.GUID  // the crawler that a play goes on with
	run  string      // the run that is recorded; empty for the workflow's latest
}

func newStage(ctx context.Context, address string) (*stage, error) {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: address, Logger: quiet{},
		Identity: build, // a history must not name the machine that it was recorded on
	})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := &stage{
		client: c, store: activitytest.NewStore(), provider: activitytest.NewProvider(),
		receiver: activitytest.NewReceiver(),
		crawlers: map[fleet.GUID]*workers.Crawler{}, seen: map[fleet.TicketID]bool{},
	}
	s.store.IdleAfter = idleAfter
	s.provider.Started, s.provider.Ended = s.start, s.end
	s.control, err = workers.NewControl(workers.ControlOptions{
		Client: c, Namespace: "default", Fleet: "record", Control: s.store, Data: s.store,
		Poster:    s.receiver,
		Providers: activities.Providers{"memory": s.provider}, Accounts: []fleet.Account{"local"},
		Env:   func(fleet.CrawlerInput) map[string]string { return nil },
		Token: func(fleet.CrawlerInput) fleet.Secret { return "secret" },
		Build: build, Log: zap.NewNop(),
	})
	if err != nil {
		return nil, err
	}
	return s, s.control.Start(ctx)
}

// start is what a substrate does: it runs the crawler, here within this process.
func (s *stage) start(spec fleet.Spec) {
	if s.mute.Load() {
		return
	}
	c, err := workers.NewCrawler(workers.CrawlerOptions{
		Client: s.client, GUID: spec.GUID, Slots: spec.Slots, Build: build, Drain: time.Second,
		Hello: func(context.Context) (fleet.Hello, error) {
			return fleet.Hello{
				Contract: fleet.ContractVersion, Build: build, GUID: spec.GUID,
				Address: "127.0.0.2", Slots: spec.Slots,
			}, nil
		},
		Serve: func(ctx context.Context, _ fleet.ServeInput) error { return beat(ctx) },
		Crawl: s.crawl,
	})
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crawlers[spec.GUID] = c
}

func (s *stage) end(spec fleet.Spec) {
	s.mu.Lock()
	c := s.crawlers[spec.GUID]
	delete(s.crawlers, spec.GUID)
	s.mu.Unlock()
	if c != nil {
		go c.Stop()
	}
	s.provider.Events <- fleet.Event{Instance: fleet.Instance{Key: spec.Key}}
}

// crawl plays a crawl by the ticket's name: fail-… fails, hang-… goes on for ever,
// move-… does so the first time.
func (s *stage) crawl(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
	s.mu.Lock()
	first := !s.seen[in.Ticket]
	s.seen[in.Ticket] = true
	s.mu.Unlock()
	kind, _, _ := strings.Cut(string(in.Ticket), "-")
	switch {
	case kind == "fail":
		return fleet.CrawlResult{
			Outcome: fleet.OutcomeFailed, Reason: "no seed answers",
			Error: fleet.Errorf(fleet.CodeUnreachable, "no seed answers"),
		}, nil
	case kind == "hang", kind == "move" && first:
		return fleet.CrawlResult{}, beat(ctx)
	default:
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone, Counters: fleet.Counters{Discovered: 1, Fetched: 1}}, nil
	}
}

// beat heartbeats until the activity's context or its worker ends.
func beat(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		activity.RecordHeartbeat(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return activities.ToTemporal(fleet.Errorf(fleet.CodeDraining, "the crawler ends"))
		case <-tick.C:
		}
	}
}

func (s *stage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	s.mu.Lock()
	crawlers := s.crawlers
	s.crawlers = map[fleet.GUID]*workers.Crawler{}
	s.mu.Unlock()
	for _, c := range crawlers {
		c.Stop()
	}
	_ = s.control.Stop(ctx) // the process ends anyway
	s.client.Close()
}

// ticket starts a ticket as our own clients do, or as the stock CLI does (bare).
func (s *stage) ticket(ctx context.Context, id fleet.TicketID, more string, bare bool) (client.WorkflowRun, error) {
	options := client.StartWorkflowOptions{
		ID: fleet.TicketWorkflowID("acme", id), TaskQueue: fleet.ControlQueue,
	}
	if !bare {
		options.TypedSearchAttributes = temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(fleet.AttrTenant).ValueSet("acme"))
	}
	document := json.RawMessage(`{"tenant":"acme","urls":["https://example.com/"]` + more + `}`)
	return s.client.ExecuteWorkflow(ctx, options, fleet.TicketWorkflow, document)
}

// until polls a condition.
func until(ctx context.Context, what string, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// closed waits until a workflow has ended, however it ended.
func (s *stage) closed(ctx context.Context, id string) error {
	_ = s.client.GetWorkflow(ctx, id, "").Get(ctx, nil) // a failure is an end too
	return ctx.Err()
}

// save writes a workflow's history and says what it cost.
func (s *stage) save(ctx context.Context, id, path string) (string, error) {
	var history historypb.History
	events := s.client.GetWorkflowHistory(ctx, id, s.run, false, 0)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", fmt.Errorf("read the history: %w", err)
		}
		history.Events = append(history.Events, event)
	}
	raw, err := protojson.Marshal(&history)
	if err != nil {
		return "", fmt.Errorf("write the history: %w", err)
	}
	var pretty any // protojson's own spacing differs from run to run
	if err := json.Unmarshal(raw, &pretty); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(pretty, "", " ")
	if err != nil {
		return "", err
	}
	host, err := os.Hostname() // the SDK names its sticky queue after it
	if err != nil {
		return "", fmt.Errorf("name the host: %w", err)
	}
	text = bytes.ReplaceAll(append(text, '\n'), []byte(`"`+host+`:`), []byte(`"`+build+`:`))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("write the history: %w", err)
	}
	d, err := s.client.DescribeWorkflowExecution(ctx, id, s.run)
	if err != nil {
		return "", fmt.Errorf("describe %s: %w", id, err)
	}
	info := d.GetWorkflowExecutionInfo()
	return fmt.Sprintf("%3d events %3d transitions  %s",
		info.GetHistoryLength(), info.GetStateTransitionCount(), info.GetStatus()), nil
}

// quiet drops the SDK's log: kills and cancels are the play.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
