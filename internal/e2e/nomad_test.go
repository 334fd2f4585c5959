package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// node is a Nomad of one server and one node (the agent), and the settings of a fleet that
// runs its crawlers there: two agents, so that each can be killed by itself.
func node(t *testing.T) (*nomadagent.Agent, *api.Client, map[string]string) {
	t.Helper()
	program, err := nomadagent.Program("../../bin")
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "crawlfleet-e2e-nomad-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	begin := func(o nomadagent.Options) *nomadagent.Agent {
		o.Program, o.Dir = program, filepath.Join(dir, o.Name)
		a, err := nomadagent.Start(t.Context(), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, a.Stop()); require.NoError(t, a.Remove()) })
		return a
	}
	server := begin(nomadagent.Options{Name: "server", Server: true})
	a := begin(nomadagent.Options{Name: "node", Client: &nomadagent.Client{
		Servers: []string{server.RPC()}, Meta: map[string]string{"egress_country": "DE"},
	}})
	c, err := api.NewClient(&api.Config{Address: server.Address(), TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	return a, c, map[string]string{"providers": "nomad", "nomad-address": server.Address()}
}

// One crawl on one crawler of a Nomad node, while one after the other is away: Temporal,
// the data plane with the databases, and the node's agent.
func TestNomad_ACrawlGoesOnWhateverIsAway(t *testing.T) {
	t.Parallel()
	agent, jobs, settings := node(t)
	settings["crawler-idle-after"] = "5s"
	f := own(t, Options{Settings: settings})
	s := site(t, sample.Options{PageDelay: 60 * time.Millisecond})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1})
	a.AwaitNoCrawlers() // provisioning's
	before := len(jobsOf(t, jobs))
	zero := fleet.Duration(0)
	k := a.Submit(fleet.TicketInput{
		URLs: []string{s.URL()}, Scope: fleet.Scope{Hosts: s.Hosts()},
		Fetch: fleet.FetchOptions{Delay: &zero, Concurrency: 2},
	})
	requests := func(n int, while string) {
		t.Helper()
		Await(t, strconv.Itoa(n)+" requests "+while, func() (bool, string) { l := len(s.Log()); return l >= n, show(l) })
	}
	requests(20, "at first")
	require.Len(t, jobsOf(t, jobs), before+1)
	guid := k.Leased().GUID
	require.Contains(t, f.printed(t, "crawler", "logs", string(guid)), `"guid":"`+string(guid)+`"`)

	for _, away := range []struct {
		name string
		pid  int
		goes int // requests that come meanwhile: without a data plane, what the crawler holds
	}{
		{"while Temporal is away", f.Server.PID(), 30},
		{"while the data plane and the databases are away", f.Worker.PID(), 1},
	} {
		at := len(s.Log())
		require.NoError(t, syscall.Kill(away.pid, syscall.SIGSTOP))
		requests(at+away.goes, away.name)
		require.NoError(t, syscall.Kill(away.pid, syscall.SIGCONT))
		requests(at+away.goes+20, "after it was away")
	}
	at := len(s.Log())
	require.NoError(t, agent.Kill())
	requests(at+30, "while the node's agent is dead")
	require.NoError(t, agent.Restart(t.Context()))

	r := k.End()
	require.Equal(t, fleet.OutcomeDone, r.Outcome, show(r))
	require.Len(t, r.Crawlers, 1, "one crawler, from the first page to the last: %s", show(a.Crawlers(true)))
	truth, err := s.Truth(sample.Scope{})
	require.NoError(t, err)
	require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k), "every page is there, once")
	for _, url := range truth.Pages {
		if strings.HasSuffix(url, sample.FlakyPath) {
			continue // it wants to be asked twice
		}
		require.Equal(t, 1, s.Count(url), "%s was fetched again", url)
	}
	a.AwaitNoCrawlers()
	require.Contains(t, f.printed(t, "crawler", "logs", "-f", string(guid)), string(guid), "it outlives the job")
}

// printed is what a command of the command line prints.
func (f *Fleet) printed(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), f.command(), args...)
	cmd.Env = f.environ()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// jobsOf are the crawlers' jobs.
func jobsOf(t *testing.T, c *api.Client) []*api.JobListStub {
	t.Helper()
	all, _, err := c.Jobs().List(&api.QueryOptions{Prefix: "crawl-"})
	require.NoError(t, err)
	return all
}

// The control side, the tenants' pages and the crawlers are jobs of one Nomad: the files
// of nomad-jobs as they are in the tree.
func TestNomad_ControlPagesAndCrawlersAreJobs(t *testing.T) {
	t.Parallel()
	_, jobs, settings := node(t)
	f := own(t, Options{Settings: settings})
	s := site(t, sample.Options{})
	require.NoError(t, f.Worker.Stop(stopWithin))

	control := f.job(t, jobs, "control", nil)
	runJob(t, jobs, control)
	t.Cleanup(func() { endJob(t, jobs, control) }) // the directory is its until then
	require.Equal(t, http.StatusOK, served(t, jobs, "crawlfleet-control", "/readyz"))

	a := f.NewTenant(t, fleet.Plan{})
	a.Submit(page(s.ShopURL("/about"))).Done()
	require.NotEmpty(t, jobsOf(t, jobs), "the crawler is a job beside it")

	pages := f.job(t, jobs, "web", nil)
	runJob(t, jobs, pages)
	t.Cleanup(func() { endJob(t, jobs, pages) })
	require.Equal(t, http.StatusOK, served(t, jobs, "crawlfleet-web", "/readyz"))

	// A new version comes beside the old one, which goes when the new one is well.
	runJob(t, jobs, f.job(t, jobs, "web", map[string]string{"CRAWLFLEET_LOG_LEVEL": "debug"}))
	require.Equal(t, http.StatusOK, served(t, jobs, "crawlfleet-web", "/livez"))
	a.AwaitNoCrawlers()
}

// job parses a file of nomad-jobs with this fleet's variables.
func (f *Fleet) job(t *testing.T, c *api.Client, name string, more map[string]string) *api.Job {
	t.Helper()
	text, err := os.ReadFile("../../nomad-jobs/" + name + ".nomad.hcl")
	require.NoError(t, err)
	settings := maps.Clone(more)
	if settings == nil {
		settings = map[string]string{}
	}
	own := []string{"DATA_DIR", "DATA_PLANE_LISTEN", "HTTP_LISTEN", "WEB_LISTEN"} // the file says them
	for _, e := range f.base {
		key, value, _ := strings.Cut(e, "=")
		short, ours := strings.CutPrefix(key, "CRAWLFLEET_")
		if _, given := settings[key]; ours && !given && !slices.Contains(own, short) {
			settings[key] = value
		}
	}
	var list strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&list, "  %s = %q\n", key, settings[key])
	}
	job, err := c.Jobs().ParseHCLOpts(&api.JobsParseRequest{JobHCL: string(text), Canonicalize: true, Variables: fmt.Sprintf(
		"driver = \"raw_exec\"\ncommand = %q\ndata_dir = %q\ntemporal_address = %q\nsettings = {\n%s}\n",
		f.command(), f.DataDir(), f.Temporal, &list)})
	require.NoError(t, err)
	return job
}

// runJob registers a service and waits until its deployment has succeeded.
func runJob(t *testing.T, c *api.Client, job *api.Job) {
	t.Helper()
	answer, _, err := c.Jobs().Register(job, nil)
	require.NoError(t, err)
	Await(t, "job "+*job.ID, func() (bool, string) {
		d, _, err := c.Jobs().LatestDeployment(*job.ID, nil)
		if err != nil || d == nil || d.JobSpecModifyIndex < answer.JobModifyIndex {
			return false, fmt.Sprint(err)
		}
		require.NotEqual(t, "failed", d.Status, d.StatusDescription)
		return d.Status == "successful", d.StatusDescription + tasks(c, job)
	})
}

// tasks tells what has become of a job's tasks.
func tasks(c *api.Client, job *api.Job) (text string) {
	all, _, err := c.Jobs().Allocations(*job.ID, true, nil)
	for _, a := range all {
		for name, state := range a.TaskStates {
			text += "; " + name + " " + state.State
			for _, e := range state.Events {
				text += ", " + e.DisplayMessage
			}
			if r, err := c.Raw().Response("/v1/client/fs/logs/"+a.ID, &api.QueryOptions{Params: map[string]string{
				"task": name, "type": "stderr", "plain": "true", "origin": "end", "offset": "2000",
			}}); err == nil {
				b, _ := io.ReadAll(r) // as far as it goes
				_ = r.Close()
				text += "\n" + string(b)
			}
		}
	}
	return text + fmt.Sprint(err)
}

// endJob takes a job away and waits until nothing of it runs.
func endJob(t *testing.T, c *api.Client, job *api.Job) {
	t.Helper()
	_, _, err := c.Jobs().Deregister(*job.ID, false, nil)
	require.NoError(t, err)
	// Not the test's context, which is over.
	require.NoError(t, awaited(context.Background(), "the end of job "+*job.ID, func() (bool, string) {
		all, _, err := c.Jobs().Allocations(*job.ID, true, nil)
		running := slices.ContainsFunc(all, func(a *api.AllocationListStub) bool {
			return a.ClientStatus == api.AllocClientStatusRunning || a.ClientStatus == api.AllocClientStatusPending
		})
		return err == nil && !running, show(len(all))
	}))
}

// served asks a service of Nomad's own catalogue.
func served(t *testing.T, c *api.Client, name, path string) (status int) {
	t.Helper()
	Await(t, "service "+name, func() (bool, string) {
		all, _, err := c.Services().Get(name, nil)
		if err != nil || len(all) == 0 {
			return false, fmt.Sprint(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			fmt.Sprintf("http://%s:%d%s", all[0].Address, all[0].Port, path), nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false, err.Error()
		}
		status = answer.StatusCode
		return answer.Body.Close() == nil, ""
	})
	return status
}
