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

// search finds the process of a crawler by its arguments and the run directory that it
// works in, 0 when there is none. A restored fleet may start a GUID that the fleet which
// it was restored from runs too, out of another run directory.
func search(dir string, g fleet.GUID) (int, error) {
	found := 0
	err := processes(func(pid int, args []byte) {
		if bytes.Contains(args, []byte("\x00"+guidFlag+"\x00"+string(g)+"\x00")) && worksIn(pid, dir) {
			found = pid
		}
	})
	return found, err
}

// worksIn reports whether a process has a directory as its working directory.
func worksIn(pid int, dir string) bool {
	here, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false // ended, or another user's
	}
	there, err := os.Stat(dir)
	return err == nil && os.SameFile(here, there)
}

// strangers finds the crawlers of other fleets that are bound to a Temporal server.
func strangers(id fleet.FleetID, address string) (pids []int, err error) {
	crawler := []byte("\x00" + guidFlag + "\x00")
	err = processes(func(pid int, args []byte) {
		if !bytes.Contains(args, crawler) {
			return
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			return // ended, or another user's
		}
		env = append([]byte{0}, env...)
		has := func(name, value string) bool {
			return bytes.Contains(env, []byte("\x00"+name+"="+value+"\x00"))
		}
		ofAFleet := bytes.Contains(env, []byte("\x00"+fleet.EnvFleet+"="))
		if ofAFleet && !has(fleet.EnvFleet, string(id)) && has(envTemporal, address) {
			pids = append(pids, pid)
		}
	})
	return pids, err
}

// processes calls f with every process and its arguments, each ended by a zero byte.
func processes(f func(pid int, args []byte)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		// Others' processes and those that end meanwhile cannot be read: not ours.
		if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
			f(pid, args)
		}
	}
	return nil
}

// gone reports the errors of a process that is no more: without its directory, or
// ended between opening and reading.
func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, errNoProcess)
}
