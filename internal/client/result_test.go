package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/internal/client"
)

// deaf is a workflow whose end is only told to who asks after it.
type deaf struct {
	sdk.WorkflowRun
	asked int
	err   error
}

func (d *deaf) Get(ctx context.Context, into any) error {
	d.asked++
	if d.asked < 3 {
		<-ctx.Done()
		return ctx.Err()
	}
	*into.(*string) = "done"
	return d.err
}

func TestResult_AsksAgainWhenNobodyTells(t *testing.T) {
	t.Parallel()
	var answer string
	d := &deaf{}
	require.NoError(t, client.Result(t.Context(), d, &answer))
	require.Equal(t, "done", answer)
	require.Equal(t, 3, d.asked)
}

func TestResult_PassesOnHowTheWorkflowEnded(t *testing.T) {
	t.Parallel()
	failed := errors.New("it failed")
	d := &deaf{asked: 2, err: failed}
	require.ErrorIs(t, client.Result(t.Context(), d, new(string)), failed)
	require.Equal(t, 3, d.asked)
}

func TestResult_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &deaf{}
	require.ErrorIs(t, client.Result(ctx, d, new(string)), context.Canceled)
	require.Equal(t, 1, d.asked)
}
