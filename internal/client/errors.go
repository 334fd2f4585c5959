package client

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// domainError turns what the SDK answers into the *fleet.Error that a workflow or
// activity of ours raised, or that fits what the server said. Anything else stays.
func domainError(err error) error {
	if err == nil {
		return nil
	}
	var already *fleet.Error
	if errors.As(err, &already) {
		return err
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return fromApplication(application)
	}
	var (
		canceled   *temporal.CanceledError
		terminated *temporal.TerminatedError
		notFound   *serviceerror.NotFound
		namespace  *serviceerror.NamespaceNotFound
		exhausted  *serviceerror.ResourceExhausted
		away       *serviceerror.Unavailable
		late       *serviceerror.DeadlineExceeded
		denied     *serviceerror.PermissionDenied
	)
	coded := func(code fleet.Code, message string) error {
		return fleet.Errorf(code, message).Because(err)
	}
	switch {
	case errors.As(err, &canceled):
		return coded(fleet.CodeInternal, "the workflow was cancelled without a result")
	case errors.As(err, &terminated):
		return coded(fleet.CodeInternal, "the workflow was terminated: "+terminated.Error())
	case errors.As(err, &namespace):
		return coded(fleet.CodeNotFound, namespace.Error())
	case errors.As(err, &notFound):
		return coded(fleet.CodeNotFound, notFound.Error())
	case errors.As(err, &denied):
		return coded(fleet.CodeForbidden, denied.Error())
	case errors.As(err, &exhausted):
		return coded(fleet.CodeUnavailable, "Temporal is overloaded: "+exhausted.Error())
	case errors.As(err, &away), errors.As(err, &late):
		return &fleet.Error{
			Code: fleet.CodeUnavailable, Message: err.Error(), Want: "a Temporal server that answers",
			Hint: "crawlfleet dev starts one; TEMPORAL_ADDRESS names another",
		}
	case errors.Is(err, context.DeadlineExceeded):
		return coded(fleet.CodeTimeout, err.Error())
	}
	return err
}

// fromApplication reads the error that the activities raise: the code as type, the
// whole *fleet.Error as first detail.
func fromApplication(a *temporal.ApplicationError) error {
	var e fleet.Error
	if a.HasDetails() && a.Details(&e) == nil && e.Code != "" {
		return (&e).Because(a)
	}
	code := fleet.Code(a.Type())
	for _, known := range fleet.Codes() {
		if code == known {
			return fleet.Errorf(code, a.Message()).Because(a)
		}
	}
	return fleet.Errorf(fleet.CodeInternal, a.Error()).Because(a)
}
