package nomad

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Reasons of ends that no task event tells of.
const (
	reasonNeverRan = "it never ran"
	reasonRemoved  = "its job was removed from Nomad"
)

// taskHookFailed is an event type that Nomad's API package does not name.
const taskHookFailed = "Task hook failed"

// ending says when and how an allocation ended.
func ending(a *api.AllocationListStub) (at time.Time, exit *int, reason string) {
	at = instant(a.ModifyTime)
	state := a.TaskStates[task]
	if state != nil && !state.FinishedAt.IsZero() {
		at = state.FinishedAt.UTC()
	}
	if a.ClientStatus == api.AllocClientStatusLost {
		return at, nil, fmt.Sprintf("node %s was lost", a.NodeName)
	}
	if state == nil {
		return at, nil, either(a.ClientDescription, reasonNeverRan)
	}
	for _, e := range state.Events { // in order of time: the last one that says something counts
		code, text := told(e)
		if text != "" {
			exit, reason = code, text
		}
	}
	return at, exit, either(reason, either(a.ClientDescription, "ended"))
}

// told is what a task event says of the task's end, "" if nothing.
func told(e *api.TaskEvent) (exit *int, reason string) {
	switch e.Type {
	case api.TaskTerminated:
		return terminated(e)
	case api.TaskDriverFailure:
		return nil, driverFailure(either(e.DriverError, e.DisplayMessage))
	case api.TaskSetupFailure:
		return nil, "its setup failed: " + either(e.SetupError, e.DisplayMessage)
	case api.TaskFailedValidation:
		return nil, "its task is not valid: " + either(e.ValidationError, e.DisplayMessage)
	case api.TaskArtifactDownloadFailed:
		return nil, "an artifact could not be downloaded: " + either(e.DownloadError, e.DisplayMessage)
	case taskHookFailed:
		return nil, e.DisplayMessage
	case api.TaskKilling:
		if text := e.DisplayMessage; strings.Contains(text, "emplate") { // the task's template, not somebody's stop
			return nil, "its credential could not be read: " + text
		}
	}
	return nil, ""
}

// outOfMemoryExit is the exit code of what the kernel kills.
const outOfMemoryExit = 137

func terminated(e *api.TaskEvent) (exit *int, reason string) {
	code := e.ExitCode
	switch {
	case e.Details["oom_killed"] == "true":
		return &code, fmt.Sprintf("out of memory, exit %d", code)
	case e.Signal != 0:
		return nil, fmt.Sprintf("killed by signal %d", e.Signal)
	case code > outOfMemoryExit-9 && code <= 128+31:
		// What a container's runtime makes of a signal.
		return nil, fmt.Sprintf("killed by signal %d", code-128)
	default:
		return &code, fmt.Sprintf("exit code %d", code)
	}
}

// driverFailure names the commonest failures as people call them.
func driverFailure(text string) string {
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "no such image"), strings.Contains(lower, "manifest unknown"),
		strings.Contains(lower, "failed to pull"), strings.Contains(lower, "pull access denied"),
		strings.Contains(lower, "failed to find docker image"):
		return "image not found: " + text
	case strings.Contains(lower, "no such file"), strings.Contains(lower, "executable file not found"),
		strings.Contains(lower, "could not be found"), strings.Contains(lower, "not found under"):
		return "program not found: " + text
	default:
		return "it could not be started: " + text
	}
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}
