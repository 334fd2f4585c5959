package telemetry

import (
	"runtime/debug"
	"strings"
)

// TuneMemory sets the collector of a program: how far its heap may grow before it is
// collected, in percent, and the soft limit in bytes from which it works harder.
// GOGC and GOMEMLIMIT in the environment count before it.
func TuneMemory(environ []string, gcPercent int, limit int64) {
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
		debug.SetMemoryLimit(limit)
	}
}
