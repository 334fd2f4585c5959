package nomad

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func failure(op string, class fleet.Class, err error) *fleet.ProviderError {
	return &fleet.ProviderError{Class: class, Provider: Kind, Op: op, Err: err}
}

func notFound(op string, k fleet.Key) *fleet.ProviderError {
	return failure(op, fleet.ClassNotFound, fmt.Errorf("no crawler %s of fleet %s", k.GUID, k.Fleet))
}

func conflict(op string, k fleet.Key) *fleet.ProviderError {
	return failure(op, fleet.ClassConflict, fmt.Errorf("crawler %s belongs to another fleet or tenant", k.GUID))
}

// refusal classifies the error of a call that may be repeated. An error of this package
// stays as it is.
func refusal(op string, err error) error {
	var known *fleet.ProviderError
	if err == nil || errors.As(err, &known) {
		return err
	}
	switch status(err) {
	case http.StatusNotFound:
		return failure(op, fleet.ClassNotFound, err)
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		return failure(op, fleet.ClassFatal, err)
	default:
		return failure(op, fleet.ClassRetryable, err)
	}
}

// unregistered classifies the error of a registration, which may have been carried out
// although its answer says otherwise, or never came.
func unregistered(err error) error {
	text := err.Error()
	switch code := status(err); {
	case code == 0 && unsent(err), code == http.StatusTooManyRequests,
		strings.Contains(text, "No cluster leader"), strings.Contains(text, "No path to region"):
		return failure(opLaunch, fleet.ClassRetryable, err)
	case code >= 400 && code < 500, strings.Contains(text, "error occurred:"), strings.Contains(text, "errors occurred:"):
		// The list of what is wrong with a job comes as status 500.
		return failure(opLaunch, fleet.ClassFatal, err)
	default:
		return failure(opLaunch, fleet.ClassAmbiguous, err)
	}
}

// exists reports that a registration met a job of the same name.
func exists(err error) bool {
	return err != nil && strings.Contains(err.Error(), api.RegisterEnforceIndexErrPrefix)
}

// status is the HTTP status that Nomad answered with, 0 without an answer.
func status(err error) int {
	var e api.UnexpectedResponseError
	if errors.As(err, &e) {
		return e.StatusCode()
	}
	return 0
}

// unsent reports an error that came before anything was sent.
func unsent(err error) bool {
	var e *net.OpError
	return errors.As(err, &e) && e.Op == "dial"
}

// over is the error of a context that has ended, for calls that have not begun.
func over(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return failure(op, fleet.ClassRetryable, err)
	}
	return nil
}
