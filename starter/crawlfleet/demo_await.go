package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// glanceEvery is how often the evidence is looked at: a cold start takes some hundred
// milliseconds, and a look costs two reads of local databases.
const glanceEvery = 25 * time.Millisecond

// await looks until there is nothing left to wait for. What it waits for is in the
// error when the act's time is over, with what was seen last.
func await(ctx context.Context, what string, look func() (done bool, saw string, err error)) error {
	tick := time.NewTicker(glanceEvery)
	defer tick.Stop()
	for {
		done, saw, err := look()
		switch {
		case ctx.Err() != nil && !done: // a look that was cut short says nothing
		case err != nil:
			return fmt.Errorf("wait for %s: %w", what, err)
		case done:
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fleet.Errorf(fleet.CodeTimeout, fmt.Sprintf("waited for %s; saw %s", what, orNone(saw)))
			}
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// awaitProcesses waits until the process table holds n crawlers.
func (d *demo) awaitProcesses(ctx context.Context, n int) error {
	return await(ctx, fmt.Sprintf("%d crawlers in the process table", n), func() (bool, string, error) {
		all, err := d.processes(ctx)
		return len(all) == n, fmt.Sprintf("%d", len(all)), err
	})
}

// processes are the crawlers that run on this machine, as it has them: by the process
// table, or by the engine, whose processes only root can look into.
func (d *demo) processes(ctx context.Context) ([]machineProcess, error) {
	if d.docker.provider != nil {
		return d.containers(ctx)
	}
	return crawlerProcesses(d.dir.Stamp.Fleet, d.dir.Crawlers())
}

// killProcess kills a crawler as a crash does: nobody of the fleet asked for it.
func (d *demo) killProcess(ctx context.Context, victim machineProcess) error {
	if d.docker.provider != nil {
		return d.killContainer(ctx, victim)
	}
	return syscall.Kill(victim.PID, syscall.SIGKILL)
}
