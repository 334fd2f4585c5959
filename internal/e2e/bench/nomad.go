package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
)

// nomadRow is what crawlers on Nomad (one node) take to start, beside jobs that are
// registered by hand: the same program, without a token to fetch or a mark to write.
type nomadRow struct {
	Cold       coldTable `json:"cold"`       // raw_exec, as the numbers at once
	Containers coldTable `json:"containers"` // the docker driver
	Crawlers   int       `json:"crawlers"`   // at once
	Seconds    float64   `json:"seconds"`    // until all serve
	Bound      float64   `json:"bound"`      // until as many bare ones have said hello
	Ratio      float64   `json:"ratio"`
}

const (
	nomadTenant = fleet.TenantID("crowd")
	// hold keeps each crawler of the crowd at its page until all are there.
	hold = 5 * time.Minute
	// aimAtOnce is how much longer than the substrate's own the fleet may take.
	aimAtOnce = 2
)

// nomad starts a node and a fleet that launches there.
func (r *rig) nomad(ctx context.Context, o options, stderr io.Writer) (row nomadRow, err error) {
	if row.Containers, err = nomadContainers(ctx, o, stderr); err != nil {
		return row, fmt.Errorf("the docker driver: %w", err)
	}
	agent, err := startAgent(ctx, r.o, filepath.Join(r.dir, "nomad"))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, agent.Stop(), agent.Tidy()) }()
	n := &onNomad{rig: *r, bare: r}
	if n.jobs, err = api.NewClient(&api.Config{Address: agent.Address(), TLSConfig: &api.TLSConfig{}}); err != nil {
		return row, err
	}
	// Through a gateway, as crawlers off this machine always are.
	if n.fleet, err = e2e.Start(ctx, r.fleetPrograms(), e2e.Options{Gateway: true, Settings: map[string]string{
		"crawler-idle-after": "1h", "providers": "nomad", "nomad-address": agent.Address(),
		"nomad-driver": "raw_exec", "nomad-command": r.program(string(devserver.CrawlerProgram)),
		"nomad-cpu": "20", "nomad-memory": "96",
	}}); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, n.fleet.Close(context.WithoutCancel(ctx))) }()
	if err := n.newTenant(ctx, coldTenant, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: slots}); err != nil {
		return row, err
	}
	if row.Cold, err = inTurns(ctx, o.cold, n.coldTicket, n.coldJob); err != nil {
		return row, err
	}
	row.Crawlers = o.atOnce
	if row.Seconds, err = n.crowdOfTickets(ctx, o.atOnce); err != nil {
		return row, fmt.Errorf("%d crawlers at once: %w", o.atOnce, err)
	}
	if row.Bound, err = n.crowdOfJobs(ctx, o.atOnce); err != nil {
		return row, fmt.Errorf("%d bare jobs at once: %w", o.atOnce, err)
	}
	row.Ratio = row.Seconds / row.Bound
	return row, n.noCrawler(ctx, coldTenant)
}

func (r *rig) fleetPrograms() e2e.Programs {
	return e2e.Programs{
		Crawlfleet: r.program("crawlfleet"), Crawler: r.program(string(devserver.CrawlerProgram)),
		Server: r.program(string(devserver.ServerProgram)),
	}
}

// startAgent starts a node that is its own server.
func startAgent(ctx context.Context, o options, dir string) (*nomadagent.Agent, error) {
	program, err := nomadagent.Program(o.bin)
	if err != nil {
		return nil, err
	}
	return nomadagent.Start(ctx, nomadagent.Options{
		Program: program, Dir: dir, Server: true,
		Client: &nomadagent.Client{
			Drivers: []string{"raw_exec", "docker"}, Meta: map[string]string{"egress_country": "DE"},
		},
	})
}

// onNomad is the rig with a fleet on Nomad in the place of its own, and the bare side as
// it was.
type onNomad struct {
	rig
	bare *rig
	jobs *api.Client
}

// job is a bare crawler's: all that it needs is in its environment.
func (n *onNomad) job(g fleet.GUID) *api.Job {
	return bareJob(g, "raw_exec", n.bare.crawlerEnv(g, slots), map[string]any{
		"command": n.program(string(devserver.CrawlerProgram)), "args": []string{"--guid", string(g)},
	})
}

// bareJob is one that is never run again, as the fleet's are.
func bareJob(g fleet.GUID, driver string, environ []string, config map[string]any) *api.Job {
	env := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	none, mode, no, files := 0, "fail", false, 1
	cpu, memory := 20, 96
	task := &api.Task{
		Name: "crawler", Driver: driver, Env: env, Config: config,
		Resources: &api.Resources{CPU: &cpu, MemoryMB: &memory},
		LogConfig: &api.LogConfig{MaxFiles: &files, MaxFileSizeMB: &files},
	}
	group := api.NewTaskGroup("crawl", 1).AddTask(task)
	group.RestartPolicy = &api.RestartPolicy{Attempts: &none, Mode: &mode}
	group.ReschedulePolicy = &api.ReschedulePolicy{Attempts: &none, Unlimited: &no}
	id := "bare-" + string(g)
	return api.NewBatchJob(id, id, "global", 50).AddDatacenter("dc1").AddTaskGroup(group)
}

// register starts a bare crawler; what it returns ends it.
func (n *onNomad) register(ctx context.Context, g fleet.GUID) (end func() error, err error) {
	return register(ctx, n.jobs, n.job(g))
}

func register(ctx context.Context, c *api.Client, job *api.Job) (end func() error, err error) {
	_, _, err = c.Jobs().Register(job, (&api.WriteOptions{}).WithContext(ctx))
	return func() error {
		_, _, err := c.Jobs().Deregister(*job.ID, true, nil)
		return err
	}, err
}

// coldJob starts the bare workflow, then the job of the crawler that it waits for.
func (n *onNomad) coldJob(ctx context.Context) (moments, error) {
	return n.bare.coldBare(ctx, func(ctx context.Context, g fleet.GUID, _ int) (func() error, error) {
		return n.register(ctx, g)
	})
}

// crowdOfTickets starts tickets that need a crawler each, and waits until all serve.
func (n *onNomad) crowdOfTickets(ctx context.Context, crawlers int) (seconds float64, err error) {
	if err := n.newTenant(ctx, nomadTenant, fleet.Plan{MaxCrawlers: crawlers, SlotsPerCrawler: 1}); err != nil {
		return 0, err
	}
	if err := n.noCrawler(ctx, nomadTenant); err != nil {
		return 0, err
	}
	n.site.SetPageDelay(hold)
	defer n.site.SetPageDelay(0)
	began := time.Now()
	for range crawlers {
		if _, err := n.fleet.Client.StartTicket(ctx, onePage(nomadTenant, n.page)); err != nil {
			return 0, err
		}
	}
	err = untilWithin(ctx, hold, "the crawlers to serve", func() (bool, error) {
		live, err := n.fleet.Control.Crawlers(ctx, nomadTenant)
		last, serving := time.Time{}, 0
		for _, c := range live {
			if !c.Times.Serving.IsZero() {
				serving++
			}
			if c.Times.Serving.After(last) {
				last = c.Times.Serving
			}
		}
		seconds = last.Sub(began).Seconds()
		return serving == crawlers, err
	})
	if err != nil {
		return 0, err
	}
	tickets, err := n.fleet.Control.Tickets(ctx, fleet.TicketFilter{Tenant: nomadTenant, Limit: crawlers})
	if err != nil {
		return 0, err
	}
	for _, t := range tickets {
		err = errors.Join(err, n.fleet.Client.CancelTicket(ctx, t.WorkflowID))
	}
	return seconds, errors.Join(err, n.noCrawler(ctx, nomadTenant))
}

// crowdOfJobs registers as many bare jobs, and waits until all have said hello.
func (n *onNomad) crowdOfJobs(ctx context.Context, crawlers int) (seconds float64, err error) {
	began := time.Now()
	one := side{do: func(ctx context.Context) (string, error) {
		g := newGUID()
		end, err := n.register(ctx, g)
		if err != nil {
			return "", err
		}
		defer func() { _ = end() }() // its node is stopped soon
		_, err = n.bare.hello(ctx, g)
		return string(g), err
	}}
	_, err = runFor(ctx, one, crawlers, crawlers)
	return time.Since(began).Seconds(), err
}

func (row nomadRow) print(line func(...string)) {
	row.Cold.print(line, "on Nomad, raw_exec", "job")
	row.Containers.print(line, "on Nomad, docker", "job")
	line(fmt.Sprintf("%d crawlers at once on Nomad", row.Crawlers), "s", "bare jobs s", "ratio")
	line("until all serve", fmt.Sprintf("%.2f", row.Seconds), fmt.Sprintf("%.2f", row.Bound),
		fmt.Sprintf("%.2f", row.Ratio), aim(row.Ratio <= aimAtOnce, fmt.Sprintf("≤ %d", aimAtOnce)))
	line()
}
