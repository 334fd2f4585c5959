package main

import (
	"errors"
	"syscall"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawlerFlag precedes the GUID in a crawler's arguments: what it is found by in the
// process table.
const crawlerFlag = "--guid"

// machineProcess is a crawler as the process table has it.
type machineProcess struct {
	PID  int        `json:"pid"`
	GUID fleet.GUID `json:"guid"`
}

// alive reports whether a process with this number exists. One that has ended and was
// not waited for counts: somebody should have.
func alive(pid int) bool {
	if pid <= 0 { // 0 and negative numbers would be whole groups
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
