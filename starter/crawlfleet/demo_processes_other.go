//go:build !linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawlerProcesses lists the crawlers of a fleet that run on this machine: by their
// arguments, and as this fleet's by the logs in its run directory.
func crawlerProcesses(_ fleet.FleetID, dir string) ([]machineProcess, error) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("read the process table: %w", err)
	}
	var all []machineProcess
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		at := slices.Index(words, crawlerFlag)
		if at < 1 || at+1 >= len(words) {
			continue
		}
		pid, err := strconv.Atoi(words[0])
		if g := fleet.GUID(words[at+1]); err == nil && launchedHere(dir, g) {
			all = append(all, machineProcess{PID: pid, GUID: g})
		}
	}
	return all, nil
}

// launchedHere reports whether the run directory has the log of a crawler: every one
// that was ever launched there has.
func launchedHere(dir string, g fleet.GUID) bool {
	if g.Validate() != nil { // it becomes a path
		return false
	}
	_, err := os.Stat(dir + "/" + string(g) + ".log")
	return err == nil
}
