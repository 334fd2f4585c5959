package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// crowdRow is what many idle crawlers cost, and how long a ticket's way to one of them is.
type crowdRow struct {
	Crawlers  int     `json:"crawlers"`
	P50       float64 `json:"p50"` // milliseconds of a bare one-page workflow on a random one
	P99       float64 `json:"p99"`
	OneP50    float64 `json:"oneP50"` // likewise on one crawler, before the others came
	OneP99    float64 `json:"oneP99"`
	ServerCPU float64 `json:"serverCPU"` // percent of one core while all are idle
	ServerMB  float64 `json:"serverMB"`  // RSS with them
	BeforeMB  float64 `json:"beforeMB"`  // RSS before
	EachPSS   float64 `json:"eachPSS"`   // MB of one crawler, shared pages counted in part
}

const (
	crowdPause = 10 * time.Second // one round of the crawlers' own questions
	crowdTries = 200              // dispatches
)

// crowd forks n crawlers of the fleet's program with one slot each.
func (r *rig) crowd(ctx context.Context, n int) (row crowdRow, err error) {
	row.Crawlers = n
	one, err := r.dispatches(ctx, []fleet.GUID{r.guid})
	if err != nil {
		return row, err
	}
	row.OneP50, row.OneP99 = quantile(one, 0.5), quantile(one, 0.99)
	server := r.fleet.Server.PID()
	row.BeforeMB = residentMB(server)
	var all []fleet.GUID
	var children []*child
	defer func() {
		for _, c := range children {
			_ = c.stop() // it is killed: nobody waits for its work
		}
	}()
	for range n {
		g := newGUID()
		c, err := r.fork(g, 1)
		if err != nil {
			return row, err
		}
		all, children = append(all, g), append(children, c)
		if _, err := r.hello(ctx, g); err != nil {
			return row, fmt.Errorf("crawler %d: %w", len(all), err)
		}
	}
	before := cpuTimes(map[string]int{"server": server})
	began := time.Now()
	select {
	case <-ctx.Done():
		return row, ctx.Err()
	case <-time.After(crowdPause):
	}
	used := cpuTimes(map[string]int{"server": server})["server"] - before["server"]
	row.ServerCPU = 100 * float64(used) / float64(time.Since(began))
	row.EachPSS = smaps(children[0].cmd.Process.Pid).PSS
	times, err := r.dispatches(ctx, all)
	row.P50, row.P99 = quantile(times, 0.5), quantile(times, 0.99)
	row.ServerMB = residentMB(server)
	return row, err
}

// dispatches times bare workflows, one after the other, each on a random crawler.
func (r *rig) dispatches(ctx context.Context, guids []fleet.GUID) ([]float64, error) {
	var times []float64
	for range crowdTries {
		from := time.Now()
		if _, err := r.run(ctx, crawlOf(guids[rand.IntN(len(guids))]), done); err != nil {
			return times, err
		}
		times = append(times, ms(time.Since(from)))
	}
	return times, nil
}
