package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// asked classifies the error of a request that changes nothing.
func asked(op string, err error) error {
	return failure(op, fleet.ClassRetryable, worded(err))
}

// launching classifies the error of a request that makes or starts a container.
func (p *Provider) launching(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return failure(opLaunch, fleet.ClassAmbiguous, err)
	case client.IsErrConnectionFailed(err):
		if strings.Contains(err.Error(), "error during connect") {
			// The client says so of a connection that broke after the request was sent too.
			return failure(opLaunch, fleet.ClassAmbiguous, err)
		}
		return failure(opLaunch, fleet.ClassRetryable, worded(err))
	case noImage(err):
		return failure(opLaunch, fleet.ClassFatal, fleet.Invalid("docker.image",
			fmt.Sprintf("image not found: %s", p.o.Image), "an image that the engine has").
			WithHint("make images, or docker pull").Because(err))
	case full(err):
		e := failure(opLaunch, fleet.ClassCapacity, err)
		e.Scope = fleet.Scoped{Account: Account}
		return e
	case errdefs.IsInvalidArgument(err), errdefs.IsPermissionDenied(err),
		errdefs.IsUnauthorized(err), errdefs.IsNotImplemented(err), noProgram(err):
		return failure(opLaunch, fleet.ClassFatal, err)
	default:
		return failure(opLaunch, fleet.ClassRetryable, err)
	}
}

// worded adds what to do where the engine does not answer.
func worded(err error) error {
	if client.IsErrConnectionFailed(err) {
		return fleet.Errorf(fleet.CodeUnavailable, err.Error()).
			WithHint("is the Docker engine running, and may this user reach its socket?").Because(err)
	}
	return err
}

func noImage(err error) bool {
	return errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image")
}

// noProgram: the engine has the image, and it cannot be run.
func noProgram(err error) bool {
	return says(err, "executable file not found", "no such file or directory: unknown",
		"permission denied: unknown", "exec format error")
}

// full: the machine has no room for another container, whatever the place.
func full(err error) bool {
	return says(err, "no space left on device", "cannot allocate memory", "too many open files",
		"resource temporarily unavailable", "no available ipv4 addresses")
}

// taken: another container has the address.
func taken(err error) bool { return says(err, "address already in use") }

// says reads the text: the engine answers 500 for these.
func says(err error, texts ...string) bool {
	have := strings.ToLower(err.Error())
	for _, t := range texts {
		if strings.Contains(have, t) {
			return true
		}
	}
	return false
}
