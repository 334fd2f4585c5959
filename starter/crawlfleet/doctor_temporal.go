package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

const (
	// skewWarn: a worker's poll cannot have begun after now; more than this is a clock.
	skewWarn = 5 * time.Second
	// retentionWarn is what a ticket's workflow should be readable for: over a weekend.
	retentionWarn = 24 * time.Hour
	// leaseYoung is older than what the reaper needs for a lease whose workflow closed.
	leaseYoung = time.Minute
	// leasesAtMost bounds how many workflows are asked for.
	leasesAtMost = 200
)

// temporal asks the server for what the fleet needs of it.
func (d *doctor) temporal(ctx context.Context) {
	const check = "temporal"
	o, err := d.app.clientOptions()
	var c *client.Client
	if err == nil {
		asking, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		c, err = client.Dial(asking, o)
	}
	if err != nil {
		d.broke(check, err, "crawlfleet fleet status")
		return
	}
	defer c.Close()
	asking, cancel := context.WithTimeout(ctx, 4*askWithin)
	defer cancel()
	service := c.Temporal().WorkflowService()
	system, err := service.GetSystemInfo(asking, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		d.fail(check, "does not answer: "+err.Error(), "crawlfleet fleet status")
		return
	}
	d.ok(check, fmt.Sprintf("server %s at %s", system.GetServerVersion(), c.Address()))
	if d.namespace(asking, c) {
		d.searchAttributes(asking, c)
		d.queues(asking, c)
		d.leases(asking, c)
	}
}

func (d *doctor) namespace(ctx context.Context, c *client.Client) bool {
	const check = "namespace"
	n, err := c.Temporal().WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: c.Namespace()})
	if err != nil {
		d.fail(check, c.Namespace()+": "+err.Error(),
			"temporal operator namespace create --namespace "+c.Namespace()+" --retention 72h")
		return false
	}
	keeps := n.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	says := fmt.Sprintf("%s keeps closed workflows for %s", c.Namespace(), keeps)
	if keeps < retentionWarn {
		d.warn(check, says+"; after that only the rows tell of them",
			"temporal operator namespace update --namespace "+c.Namespace()+" --retention 72h")
		return true
	}
	d.ok(check, says)
	return true
}

func (d *doctor) searchAttributes(ctx context.Context, c *client.Client) {
	const check = "search attributes"
	list, err := c.Temporal().OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: c.Namespace()})
	if err != nil {
		d.fail(check, err.Error(), "temporal operator search-attribute list")
		return
	}
	for _, name := range fleet.SearchAttributes() {
		if kind := list.GetCustomAttributes()[name]; kind != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			d.fail(check, fmt.Sprintf("%s is not registered as a Keyword; tickets cannot be started without it", name),
				"temporal operator search-attribute create --name "+name+" --type Keyword --namespace "+c.Namespace())
			return
		}
	}
	d.ok(check, strings.Join(fleet.SearchAttributes(), ", "))
}

// queues wants a worker on each queue of the control side, and its clock to be the server's.
func (d *doctor) queues(ctx context.Context, c *client.Client) {
	const check = "control queues"
	type queue struct {
		name string
		kind enumspb.TaskQueueType
	}
	all, names := []queue{{fleet.ControlQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW}}, []string{fleet.ControlQueue}
	for _, a := range accounts(d.cfg.Config) {
		all = append(all, queue{fleet.LaunchQueue(a), enumspb.TASK_QUEUE_TYPE_ACTIVITY})
		names = append(names, fleet.LaunchQueue(a))
	}
	var newest time.Time
	for _, q := range all {
		seen, err := c.Temporal().WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: c.Namespace(), TaskQueueType: q.kind,
			TaskQueue: &taskqueuepb.TaskQueue{Name: q.name, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		})
		if err != nil {
			d.fail(check, q.name+": "+err.Error(), "crawlfleet fleet status")
			return
		}
		if len(seen.GetPollers()) == 0 {
			d.fail(check, "no worker polls "+q.name+"; nothing moves", "tail "+d.dir.Logs()+"/worker.log")
			return
		}
		for _, p := range seen.GetPollers() {
			if at := p.GetLastAccessTime().AsTime(); at.After(newest) {
				newest = at
			}
		}
	}
	d.ok(check, "workers poll "+strings.Join(names, ", "))
	if ahead := time.Until(newest); ahead > skewWarn {
		d.fail("clock", fmt.Sprintf("Temporal's is at least %s ahead of this machine's; idle times and deadlines are wrong",
			span(ahead)), "timedatectl")
		return
	}
	d.ok("clock", "not behind Temporal's")
}

// leases wants the workflow of every leased ticket to run.
func (d *doctor) leases(ctx context.Context, c *client.Client) {
	const check = "leases"
	r, err := d.app.reader(ctx)
	if err != nil {
		return // the control store's own line says so
	}
	rows, err := r.Tickets(ctx, fleet.TicketFilter{State: fleet.TicketRunning, Limit: leasesAtMost})
	if err != nil {
		d.broke(check, err, "crawlfleet ticket list --state running")
		return
	}
	old, dead := 0, 0
	for _, row := range rows {
		if row.Lease == nil || d.now.Sub(row.Lease.TakenAt) < leaseYoung {
			continue
		}
		old++
		w, err := c.Temporal().DescribeWorkflowExecution(ctx, row.WorkflowID, "")
		missing := (*serviceerror.NotFound)(nil)
		open := err == nil && w.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		if open || err != nil && !errors.As(err, &missing) {
			continue
		}
		// It may have ended, and given the lease back, since the rows were read.
		if now, err := r.Ticket(ctx, row.Input.Tenant, row.Input.ID); err == nil && now.Lease != nil &&
			now.Lease.Epoch == row.Lease.Epoch {
			dead++
			d.warn(check, fmt.Sprintf("ticket %s of %s holds a slot and its workflow does not run; the reaper should have freed it",
				row.Input.ID, row.Input.Tenant), "tail "+d.dir.Logs()+"/worker.log")
		}
	}
	if dead == 0 {
		d.ok(check, fmt.Sprintf("%d held for over %s, all by workflows that run", old, leaseYoung))
	}
}

// control asks the control worker and its data plane.
func (d *doctor) control(ctx context.Context) {
	if d.at.HTTP != "" {
		status, err := get(ctx, d.at.HTTP+"/readyz")
		switch {
		case err != nil:
			d.fail("control worker", err.Error(), "tail "+d.dir.Logs()+"/worker.log")
		case status != http.StatusOK:
			d.fail("control worker", fmt.Sprintf("it is not ready: %s/readyz answers %d", d.at.HTTP, status),
				"curl "+d.at.HTTP+"/readyz")
		default:
			d.ok("control worker", "ready")
		}
	}
	// Any answer will do: what it has to say is for crawlers.
	if _, err := get(ctx, d.at.DataPlane); err != nil {
		d.fail("data plane", err.Error(), "tail "+d.dir.Logs()+"/worker.log")
		return
	}
	d.ok("data plane", "answers at "+d.at.DataPlane)
}

func get(ctx context.Context, url string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
