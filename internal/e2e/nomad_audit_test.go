package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// The wire from the control side to Nomad's API is cut, and the control side's clock goes on by
// ten minutes meanwhile; everything else is there. What hangs is broken off again and again.
// An orphan and jobs of other fleets are planted while nobody sees it.
func TestNomad_ControlSideCutFromTheAPIForTenMinutes(t *testing.T) {
	t.Parallel()
	_, jobs, settings := node(t)
	wire, err := NewWire(loopback, strings.TrimPrefix(settings["nomad-address"], "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, wire.Close()) })
	settings["nomad-address"] = "http://" + wire.Address()
	d := crashing(t, Options{Settings: settings}).drill
	d.site.SetPageDelay(2 * slowly)
	dir, err := config.LookDir(d.DataDir())
	require.NoError(t, err)
	ours := dir.Stamp.Fleet

	a, b := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1}), d.NewTenant(t, fleet.Plan{MaxCrawlers: 1})
	running := d.crawl(a, "running")
	lease := running.Leased()
	d.awaitRequests(10)

	wire.Cut()
	orphan := plant(t, jobs, ours, a.ID)
	foreign := []*api.Job{plant(t, jobs, "another", a.ID), plant(t, jobs, ours+"-too", a.ID)}
	launched := d.crawl(b, "launched-while-cut", small)
	d.expect(launched, fleet.OutcomeLimited)
	for i := range 4 {
		d.jump(time.Duration(i+1) * 150 * time.Second)
		d.listFails(wire)
	}
	for _, job := range append(foreign, orphan) {
		require.True(t, runs(t, jobs, job), "%s was stopped while nobody could see what there is", *job.ID)
	}
	require.Empty(t, d.leftovers(), "nothing is concluded")
	said := d.Crawlfleet(t, "", "fleet", "audit", "--leftovers")
	require.Equal(t, 3, said.Exit, said.Errors)
	require.Contains(t, said.Out, "not listed")
	require.Equal(t, lease.GUID, running.Leased().GUID)
	d.awaitRequests(5)

	wire.Break()
	wire.Mend()
	d.jump(11 * time.Minute)
	Await(t, "the orphan to be named", func() (bool, string) {
		left := d.leftovers()
		return len(left) == 1 && left[0].ProviderID == *orphan.ID, show(left)
	})
	require.True(t, runs(t, jobs, orphan), "once is not enough")
	d.jump(12 * time.Minute)
	Await(t, "the orphan to be stopped", func() (bool, string) { return !runs(t, jobs, orphan), show(d.leftovers()) })
	d.jump(13 * time.Minute)
	Await(t, "nothing to be left over", func() (bool, string) { left := d.leftovers(); return len(left) == 0, show(left) })
	d.Crawlfleet(t, "", "fleet", "audit", "--leftovers").OK(t)

	launched.End()
	d.jump(0)
	d.judge()
	for _, job := range foreign {
		assert.True(t, runs(t, jobs, job), "%s is another fleet's", *job.ID)
	}
	assert.Zero(t, running.End().Moves)
	assert.Equal(t, []fleet.GUID{lease.GUID}, running.End().Crawlers)
	assert.Empty(t, d.buried(a), "no healthy crawler was buried")
	for _, job := range jobsOf(t, jobs) {
		assert.Contains(t, []string{*orphan.ID, *foreign[0].ID, *foreign[1].ID}, job.ID, "a job is left over")
	}
}

// listFails waits until a comparison with Nomad has hung and failed. What hangs is broken off
// after a moment, each time.
func (d *drill) listFails(wire *Wire) {
	d.t.Helper()
	failed := func() int {
		text, err := os.ReadFile(d.log("worker"))
		require.NoError(d.t, err)
		return strings.Count(string(text), "compare with nomad: list: ")
	}
	const moment = 2 * time.Second
	before, next := failed(), time.Now().Add(moment)
	Await(d.t, "a list of Nomad's to fail", func() (bool, string) {
		if now := time.Now(); now.After(next) {
			wire.Break()
			next = now.Add(moment)
		}
		return failed() > before, fmt.Sprintf("%d have, %d came up to the cut", failed(), wire.Held())
	})
}

// leftovers are what the last complete list of Nomad's had more or less than the rows.
func (d *drill) leftovers() (out []fleet.Leftover) {
	d.t.Helper()
	all, err := d.Control.Comparisons(d.t.Context())
	require.NoError(d.t, err)
	for _, c := range all {
		out = append(out, c.Leftovers...)
	}
	return out
}

// plant has Nomad run something under the labels of a fleet's crawler.
func plant(t *testing.T, c *api.Client, id fleet.FleetID, tenant fleet.TenantID) *api.Job {
	t.Helper()
	guid := uuid.NewString()
	name := fmt.Sprintf("crawl-%s-%s", id, guid)
	cpu, memory := 20, 16
	group := api.NewTaskGroup("crawl", 1).AddTask(&api.Task{
		Name: "crawler", Driver: "raw_exec", Config: map[string]any{"command": "/bin/sleep", "args": []string{"600"}},
		Resources: &api.Resources{CPU: &cpu, MemoryMB: &memory},
	})
	job := api.NewBatchJob(name, name, "global", 50).AddDatacenter("*").AddTaskGroup(group)
	job.Meta = map[string]string{
		"crawlfleet_fleet": string(id), "crawlfleet_tenant": string(tenant), "crawlfleet_guid": guid,
	}
	_, _, err := c.Jobs().Register(job, nil)
	require.NoError(t, err)
	t.Cleanup(func() { endJob(t, c, job) })
	Await(t, "job "+name, func() (bool, string) { return runs(t, c, job), tasks(c, job) })
	return job
}

// runs asks Nomad whether something of a job runs.
func runs(t *testing.T, c *api.Client, job *api.Job) bool {
	t.Helper()
	all, _, err := c.Jobs().Allocations(*job.ID, true, nil)
	require.NoError(t, err)
	for _, a := range all {
		if a.ClientStatus == api.AllocClientStatusRunning {
			return true
		}
	}
	return false
}
