package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// bootID names this boot of the machine: start times count from it.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// startTime is when the process began, in clock ticks since boot. With the boot id it
// tells the process from a later one of the same number. It is empty when there is none.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if gone(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	// The second field is the program's name in parentheses and may hold anything.
	_, rest, ok := bytes.Cut(b[bytes.LastIndexByte(b, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	const startField = 22 - 3 // fields are counted from 1, and the first two are cut off
	if !ok || len(fields) <= startField {
		return "", fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return fields[startField], nil
}

// search finds the process of a crawler by its arguments, 0 when there is none.
func search(g fleet.GUID) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	want := []byte("\x00" + guidFlag + "\x00" + string(g) + "\x00")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		// Others' processes and those that end meanwhile cannot be read: not ours.
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.Contains(args, want) {
			return pid, nil
		}
	}
	return 0, nil
}

// gone reports the errors of a process that is no more: without its directory, or
// ended between opening and reading.
func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, errNoProcess)
}
