package main

import (
	"runtime/debug"
	"strings"
)

const (
	// gcPercent lets the control worker's heap, some 10 MB under load, grow to 50 before
	// it is collected: at Go's 100 the collector took 6 % of what a ticket costs here.
	gcPercent = 400
	// memoryLimit is where the collector works as usual again: batches of large pages
	// from many crawlers at a time.
	memoryLimit = 512 << 20
)

// tuneMemory sets the collector of the control worker, unless the environment says
// otherwise.
func tuneMemory(environ []string) {
	set := func(name string) bool {
		for _, e := range environ {
			if strings.HasPrefix(e, name+"=") {
				return true
			}
		}
		return false
	}
	if !set("GOGC") {
		debug.SetGCPercent(gcPercent)
	}
	if !set("GOMEMLIMIT") {
		debug.SetMemoryLimit(memoryLimit)
	}
}
