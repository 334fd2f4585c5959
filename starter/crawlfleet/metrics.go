package main

import (
	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// The loops beside the queues, as metrics name them.
const (
	loopReaper = "reaper"
	loopKeeper = "keeper"
)

// counted brings what the control side counts to its metrics.
func counted(f *telemetry.Fleet) activities.Count {
	return func(what, kind string) {
		switch what {
		case activities.CountedCure:
			f.Cured(kind)
		case activities.CountedTry:
			f.Tried(kind)
		case activities.CountedFailure:
			f.LaunchFailed(kind)
		case activities.CountedRound:
			f.Round(loopReaper, kind, kind == activities.KindOK)
		case activities.CountedKept:
			f.Round(loopKeeper, kind, kind == activities.KindOK)
		}
	}
}
