package main

import (
	"runtime/debug"
	"strconv"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The linker sets these: -ldflags "-X main.version=v1.2.3". A contract is set only to
// build a crawler of another contract version for a test.
var (
	version  string
	contract string
)

// build names the program: its version, and the revision it was built from where the
// tool chain knows it.
func build() string {
	name := version
	if name == "" {
		name = "dev"
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= shortRevision {
			return name + "+" + s.Value[:shortRevision]
		}
	}
	return name
}

// shortRevision is as much of a revision as tells it from others.
const shortRevision = 12

func contractVersion() int {
	if n, err := strconv.Atoi(contract); err == nil {
		return n
	}
	return fleet.ContractVersion
}
