package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The times of a tenant.
const (
	tenantCall  = 10 * time.Second // one statement, or making a database: they may be repeated
	tenantSteps = 10 * time.Minute // then provisioning is given up and undone
	// A proof that an earlier try left running is gone within its launch budget, a
	// stop and the reaper's time.
	proofPause   = 5 * time.Second
	proofTries   = 36
	eraseCall    = 24 * time.Hour   // one attempt at ending crawlers, heartbeating
	eraseSilence = 10 * time.Second // a worker that is lost in mid-deletion
)

// stepOptions are those of a provisioning step: bounded, so that a creation that
// cannot succeed is undone and says so.
func stepOptions(said string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              fleet.ControlQueue,
		StartToCloseTimeout:    tenantCall,
		ScheduleToCloseTimeout: tenantSteps,
		RetryPolicy:            steady(),
		Summary:                said,
	}
}

// eraseOptions are those of a deletion's steps and of compensation: for ever.
func eraseOptions(said string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           fleet.ControlQueue,
		StartToCloseTimeout: eraseCall,
		HeartbeatTimeout:    eraseSilence,
		RetryPolicy:         steady(),
		Summary:             said,
	}
}

func steady() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval: 200 * time.Millisecond, MaximumInterval: 30 * time.Second,
	}
}
