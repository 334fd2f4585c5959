package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawlerProcesses lists the crawlers of a fleet that run on this machine, whatever any
// record says: by their arguments, and as this fleet's by their environment.
func crawlerProcesses(id fleet.FleetID, _ string) ([]machineProcess, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("read the process table: %w", err)
	}
	mark := []byte(fleet.EnvFleet + "=" + string(id))
	var all []machineProcess
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		// Others' processes cannot be read, and one may end meanwhile: not ours.
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		words := bytes.Split(args, []byte{0})
		at := slices.IndexFunc(words, func(w []byte) bool { return string(w) == crawlerFlag })
		if at < 0 || at+1 >= len(words) {
			continue
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || !slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool {
			return bytes.Equal(v, mark)
		}) {
			continue
		}
		all = append(all, machineProcess{PID: pid, GUID: fleet.GUID(words[at+1])})
	}
	return all, nil
}
