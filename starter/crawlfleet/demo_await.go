package main

import (
	"context"
	"errors"
	"fmt"
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
		all, err := d.processes()
		return len(all) == n, fmt.Sprintf("%d", len(all)), err
	})
}

func (d *demo) processes() ([]machineProcess, error) {
	return crawlerProcesses(d.dir.Stamp.Fleet, d.dir.Crawlers())
}
