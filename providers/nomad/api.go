package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// cluster is the part of Nomad's API that is used here. Its errors are Nomad's.
type cluster struct {
	client            *api.Client
	namespace, region string
}

// pageSize bounds one answer of a list: 200 jobs with their labels are about 100 KB.
const pageSize = 200

func connect(o Options) (cluster, error) {
	config := &api.Config{
		Address: o.Address, Region: o.Region, Namespace: o.Namespace, SecretID: o.Token.Reveal(),
		// TLSConfig is never nil: the client would take the environment's.
		TLSConfig: &api.TLSConfig{CACert: o.CACert, ClientCert: o.ClientCert, ClientKey: o.ClientKey},
	}
	client, err := api.NewClient(config)
	if err != nil {
		return cluster{}, fleet.Invalid("nomad.address", err.Error(), "an agent that can be reached so")
	}
	return cluster{client: client, namespace: o.Namespace, region: o.Region}, nil
}

func (c cluster) query(ctx context.Context) *api.QueryOptions {
	return (&api.QueryOptions{Namespace: c.namespace, Region: c.region}).WithContext(ctx)
}

func (c cluster) write(ctx context.Context) *api.WriteOptions {
	return (&api.WriteOptions{Namespace: c.namespace, Region: c.region}).WithContext(ctx)
}

// parse has the servers parse a specification: they know their version's language. The
// client's own call takes no context, and an agent that hangs must not hold a launch up.
func (c cluster) parse(ctx context.Context, hcl, variables string) (*api.Job, error) {
	job := new(api.Job)
	_, err := c.client.Raw().Write("/v1/jobs/parse", &api.JobsParseRequest{
		JobHCL: hcl, Variables: variables, Canonicalize: true,
	}, job, c.write(ctx))
	return job, err
}

// register makes the job if there is none of its name.
func (c cluster) register(ctx context.Context, job *api.Job) (evaluation string, err error) {
	answer, _, err := c.client.Jobs().EnforceRegister(job, 0, c.write(ctx))
	if err != nil {
		return "", err
	}
	return answer.EvalID, nil
}

func (c cluster) jobInfo(ctx context.Context, id string) (*api.Job, error) {
	job, _, err := c.client.Jobs().Info(id, c.query(ctx))
	return job, err
}

// deregister stops the job's allocations; purge forgets it as well. A job that is not
// there is no error.
func (c cluster) deregister(ctx context.Context, id string, purge bool) error {
	_, _, err := c.client.Jobs().Deregister(id, purge, c.write(ctx))
	return err
}

// jobs gives a page of the jobs with a prefix, and where the next begins.
func (c cluster) jobs(ctx context.Context, prefix, from string) (jobPage, error) {
	q := c.query(ctx)
	q.Prefix, q.PerPage, q.NextToken = prefix, pageSize, from
	all, meta, err := c.client.Jobs().ListOptions(
		&api.JobListOptions{Fields: &api.JobListFields{Meta: true}}, q)
	if err != nil {
		return jobPage{}, err
	}
	return jobPage{jobs: all, next: meta.NextToken}, nil
}

type jobPage struct {
	jobs []*api.JobListStub
	next string
}

// allocations gives all of a job, those before a purge of the same name included.
func (c cluster) allocations(ctx context.Context, id string) ([]*api.AllocationListStub, error) {
	all, _, err := c.client.Jobs().Allocations(id, true, c.query(ctx))
	return all, err
}

// everyAllocation gives those of all jobs with a prefix.
func (c cluster) everyAllocation(ctx context.Context, prefix string) (map[string][]*api.AllocationListStub, error) {
	out := make(map[string][]*api.AllocationListStub)
	for from := ""; ; {
		q := c.query(ctx)
		q.PerPage, q.NextToken = pageSize, from
		q.Filter = fmt.Sprintf("JobID matches %q", "^"+prefix)
		all, meta, err := c.client.Allocations().List(q)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			out[a.JobID] = append(out[a.JobID], a)
		}
		if from = meta.NextToken; from == "" {
			return out, nil
		}
	}
}

// signal sends a signal to the task of an allocation.
func (c cluster) signal(ctx context.Context, allocation, task, name string) error {
	return c.client.Allocations().Signal(&api.Allocation{ID: allocation}, c.query(ctx), task, name)
}

// decided waits until the servers have decided where the job goes, at most for wait; an
// evaluation that is not decided by then is answered as it is.
func (c cluster) decided(ctx context.Context, id string, wait time.Duration) (*api.Evaluation, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	q := c.query(ctx)
	for last := (*api.Evaluation)(nil); ; {
		seen, meta, err := c.client.Evaluations().Info(id, q)
		switch {
		case err != nil && last != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return last, nil
		case err != nil:
			return nil, err
		case seen.Status != api.EvalStatusPending:
			return seen, nil
		}
		last, q.WaitIndex, q.WaitTime = seen, meta.LastIndex, wait
	}
}

// lastEvaluation gives the id of a job's newest, "" if there is none any more.
func (c cluster) lastEvaluation(ctx context.Context, id string) (string, error) {
	all, _, err := c.client.Jobs().Evaluations(id, c.query(ctx))
	var newest *api.Evaluation
	for _, e := range all {
		// A blocked one is only the consequence of the one before.
		if e.Status != api.EvalStatusBlocked && (newest == nil || e.CreateIndex > newest.CreateIndex) {
			newest = e
		}
	}
	if newest == nil {
		return "", err
	}
	return newest.ID, err
}

// variable reads a variable, nil if there is none.
func (c cluster) variable(ctx context.Context, path string) (*api.Variable, error) {
	v, _, err := c.client.Variables().Peek(path, c.query(ctx))
	return v, err
}

// setVariable writes a variable if nobody has written it since ModifyIndex (0: if there
// is none); done is false if somebody has.
func (c cluster) setVariable(ctx context.Context, v *api.Variable) (done bool, err error) {
	if v.ModifyIndex == 0 {
		_, _, err = c.client.Variables().CheckedCreate(v, c.write(ctx))
	} else {
		_, _, err = c.client.Variables().CheckedUpdate(v, c.write(ctx))
	}
	if changed := (api.ErrCASConflict{}); errors.As(err, &changed) {
		return false, nil
	}
	return err == nil, err
}

// deleteVariable removes a variable if nobody has written it since.
func (c cluster) deleteVariable(ctx context.Context, path string, index uint64) error {
	_, err := c.client.Variables().CheckedDelete(path, index, c.write(ctx))
	if changed := (api.ErrCASConflict{}); errors.As(err, &changed) || status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// variables lists the paths with a prefix.
func (c cluster) variables(ctx context.Context, prefix string) ([]*api.VariableMetadata, error) {
	var out []*api.VariableMetadata
	for from := ""; ; {
		q := c.query(ctx)
		q.Prefix, q.PerPage, q.NextToken = prefix, pageSize, from
		page, meta, err := c.client.Variables().List(q)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if from = meta.NextToken; from == "" {
			return out, nil
		}
	}
}
