//go:build !linux

package process

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// bootID names this boot of the machine, by the moment at which it began.
func bootID() (string, error) {
	out, err := exec.Command("sysctl", "-n", "kern.boottime").Output()
	if err != nil {
		return "", fmt.Errorf("sysctl kern.boottime: %w", err)
	}
	// "{ sec = 1700000000, usec = 0 } Tue Nov 14 …": the clock's words after it may change.
	head, _, _ := strings.Cut(string(out), "}")
	return strings.TrimSpace(head), nil
}

// startTime is when the process began, to the second. It is empty when there is none.
func startTime(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", nil // ps answers 1 when there is no such process
	}
	if err != nil {
		return "", fmt.Errorf("ps: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// search finds the process of a crawler by its arguments, 0 when there is none. Where a
// process works is not to be seen here, so that the run directory does not count.
func search(_ string, g fleet.GUID) (int, error) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,command=").Output()
	if err != nil {
		return 0, fmt.Errorf("ps: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.Contains(command+" ", " "+guidFlag+" "+string(g)+" ") {
			continue
		}
		if pid, err := strconv.Atoi(number); err == nil {
			return pid, nil
		}
	}
	return 0, nil
}

// strangers answers none: other processes' environments are not to be seen here.
func strangers(fleet.FleetID, string) ([]int, error) { return nil, nil }
