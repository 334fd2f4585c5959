package activities

import (
	"errors"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// launchType begins the type of an application error that carries a provider's
// error; its class follows.
const launchType = "launch_"

// ToTemporal gives the error that an activity returns. A *fleet.Error becomes an
// application error whose type is the code and whose details are the error; it is
// retried only where the code says that the same request may succeed later, and after
// what the error itself asks for. Any
// other error is passing (a database is away) and stays as it is: retried.
func ToTemporal(err error) error {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code),
		temporal.ApplicationErrorOptions{
			NonRetryable:   !e.Code.Retryable(),
			NextRetryDelay: e.RetryAfter.Std(),
			Details:        []any{*e}, // a value, so that it reads the same on both sides of the wire
		})
}

// FromTemporal gives the *fleet.Error that an application error in err's chain
// carries, nil where there is none. Types that are no code of ours are not taken:
// they come from elsewhere.
func FromTemporal(err error) *fleet.Error {
	var own *fleet.Error
	if errors.As(err, &own) {
		return own
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || !slices.Contains(fleet.Codes(), fleet.Code(app.Type())) {
		return nil
	}
	// Details of another shape (a ticket's result) decode into an error without a code.
	var e fleet.Error
	if app.HasDetails() && app.Details(&e) == nil && e.Code == fleet.Code(app.Type()) {
		return &e
	}
	return fleet.Errorf(fleet.Code(app.Type()), app.Message())
}

// launchError is a provider's error on its way to the Crawler workflow. Only
// ClassRetryable is tried again, after what the provider asked for.
func launchError(guid fleet.GUID, err error) error {
	class := fleet.ClassOf(err)
	failure := fleet.LaunchFailure{GUID: guid, Class: class, Reason: err.Error()}
	var wait time.Duration
	var pe *fleet.ProviderError
	if errors.As(err, &pe) {
		failure.Scope, wait = pe.Scope, pe.RetryAfter
	}
	options := temporal.ApplicationErrorOptions{
		NonRetryable: class != fleet.ClassRetryable,
		Details:      []any{failure},
	}
	if class == fleet.ClassRetryable {
		options.NextRetryDelay = wait
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), launchType+string(class), options)
}

// endedInLaunch is a launch that finds its crawler ended: the worker before it died in
// the middle of the launch, or the crawler right after it. Another crawler may succeed, but
// not this one: a GUID has one life. Where the launch was cut short the place is not at
// fault.
func endedInLaunch(i fleet.Instance) error {
	e := fleet.Errorf(fleet.CodeCrawlerLost, "it has exited already: "+i.Reason)
	failure := fleet.LaunchFailure{
		GUID: i.GUID, Class: fleet.ClassRetryable, Reason: e.Message, Error: e, Ours: i.Cut,
	}
	return temporal.NewApplicationErrorWithOptions(e.Message, launchType+string(failure.Class),
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{failure}})
}

// LaunchFailureFrom reads what became of a launch from the error of its activity.
// Without a word from the provider (a timeout, a lost worker) it is unknown
// whether it was launched: ambiguous. Where the word is missing since our own worker fell
// silent, again and again, the place is not at fault.
func LaunchFailureFrom(guid fleet.GUID, err error) fleet.LaunchFailure {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.HasDetails() {
		var f fleet.LaunchFailure
		if app.Details(&f) == nil && f.Class != "" && app.Type() == launchType+string(f.Class) {
			f.GUID = guid
			return f
		}
	}
	var timeout *temporal.TimeoutError
	silent := errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT
	return fleet.LaunchFailure{GUID: guid, Class: fleet.ClassAmbiguous, Reason: Reason(err), Ours: silent}
}

// Reason is the innermost message: what a person wants to read of a nested failure.
func Reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
