package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// The versions of behaviour. A Ticket and a Conductor take theirs from the answer
// of their first local activity, which is recorded with it: that costs no event,
// where GetVersion would cost a warm ticket two. To change what a workflow does,
// add a line here, branch on it, let the control store answer it, record a history
// of it; never edit an old branch. The Tenant and the Crawler live long and use
// workflow.GetVersion instead; whether a Crawler has a Launch to do is what its first
// activity answered.
const (
	// VersionFirst is the behaviour of the first release.
	VersionFirst = 1

	// changeLongDrain names the change after which a draining Crawler hears further
	// drains, and looks less and less often.
	changeLongDrain = "long drain"

	// versionNewest is the newest that this worker can play.
	versionNewest = VersionFirst
)

// playable refuses a version that is newer than this worker: the task fails and is
// tried again until a worker that knows it takes it. Zero is a store that names none.
func playable(version int) {
	if version > versionNewest {
		panic(fmt.Sprintf("version %d was recorded, this worker plays up to %d", version, versionNewest))
	}
}

// permanent is an application error that no retry of the workflow would heal.
func permanent(message, kind string, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(message, kind,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: details})
}
