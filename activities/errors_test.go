package activities_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// overTheWire is what the other side sees of an error.
func overTheWire(err error) error {
	c := temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: converter.GetDefaultDataConverter(),
	})
	return c.FailureToError(c.ErrorToFailure(err))
}

func TestErrors_EveryCodeGoesBothWays(t *testing.T) {
	t.Parallel()
	for _, code := range fleet.Codes() {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			sent := (&fleet.Error{
				Code: code, Message: "m", Field: "f", Want: "w", Hint: "h",
			}).Because(errors.New("the cause is for logs"))
			wire := activities.ToTemporal(fmt.Errorf("route t1: %w", sent))

			var app *temporal.ApplicationError
			require.ErrorAs(t, wire, &app)
			require.Equal(t, string(code), app.Type())
			require.Equal(t, !code.Retryable(), app.NonRetryable())
			for _, side := range []error{wire, overTheWire(wire)} {
				got := activities.FromTemporal(side)
				require.NotNil(t, got)
				require.Equal(t, fleet.Error{Code: code, Message: "m", Field: "f", Want: "w", Hint: "h"},
					fleet.Error{Code: got.Code, Message: got.Message, Field: got.Field, Want: got.Want, Hint: got.Hint})
				require.NotContains(t, side.Error(), "the cause")
			}
		})
	}
}

func TestErrors_OthersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	passing := errors.New("database is locked")
	require.Equal(t, passing, activities.ToTemporal(passing))
	require.NoError(t, activities.ToTemporal(nil))
	require.Nil(t, activities.FromTemporal(nil))
	require.Nil(t, activities.FromTemporal(passing))
	require.Nil(t, activities.FromTemporal(temporal.NewApplicationError("?", "PanicError")))
}

func TestErrors_AResultInTheDetailsIsNotTakenForAnError(t *testing.T) {
	t.Parallel()
	e := activities.FromTemporal(overTheWire(temporal.NewApplicationError(
		"no seed answers", string(fleet.CodeUnreachable), fleet.TicketResult{Ticket: "t1"})))
	require.Equal(t, fleet.Errorf(fleet.CodeUnreachable, "no seed answers"), e)
}

func TestErrors_ALaunchWithoutAWordIsAmbiguous(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a timeout":     temporal.NewTimeoutError(1, nil),
		"a code":        activities.ToTemporal(fleet.Errorf(fleet.CodeInternal, "?")),
		"another error": temporal.NewApplicationError("?", "launch_fatal"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := activities.LaunchFailureFrom("g", overTheWire(err))
			require.Equal(t, fleet.ClassAmbiguous, f.Class)
			require.NotEmpty(t, f.Reason)
			require.False(t, f.Ours)
		})
	}
}

func TestErrors_ALaunchWhoseWorkersFellSilentIsNotThePlacesFault(t *testing.T) {
	t.Parallel()
	f := activities.LaunchFailureFrom("g", overTheWire(temporal.NewHeartbeatTimeoutError()))
	require.Equal(t, fleet.ClassAmbiguous, f.Class, "that GUID is given up all the same")
	require.True(t, f.Ours)
}

func TestErrors_AProvidersWishToWaitIsHeard(t *testing.T) {
	t.Parallel()
	w := newDesk()
	w.provider.Errors = []error{
		&fleet.ProviderError{
			Class: fleet.ClassRetryable, RetryAfter: 7 * time.Second, Err: errors.New("429"),
			Scope: fleet.Scoped{Account: "local"},
		},
		&fleet.ProviderError{Class: fleet.ClassQuota, Err: errors.New("no more"), Scope: fleet.Scoped{Account: "local"}},
	}
	_, err := w.machines.Launch(t.Context(), w.store.Reserve(1))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, 7*time.Second, app.NextRetryDelay())
	require.False(t, app.NonRetryable())

	in := w.store.Reserve(1)
	_, err = w.machines.Launch(t.Context(), in)
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	f := activities.LaunchFailureFrom(in.GUID, overTheWire(err))
	require.Equal(t, fleet.ClassQuota, f.Class)
	require.Equal(t, fleet.Account("local"), f.Scope.Account)
	require.Equal(t, in.GUID, f.GUID)
}
