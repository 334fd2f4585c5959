package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestUnaccepted_IsWhatTheHistorySays(t *testing.T) {
	t.Parallel()
	f := own(t, Options{})
	a := f.NewTenant(t, fleet.Plan{})
	s := holding(t)
	unaccepted := func(k *Ticket) bool {
		is, err := f.Unaccepted(t.Context(), k.ID, k.Name)
		require.NoError(t, err)
		return is
	}

	accepted := a.Submit(hold(s))
	accepted.Leased()
	require.False(t, unaccepted(accepted), "it runs")
	accepted.Cancel()
	require.Equal(t, fleet.OutcomeCancelled, accepted.End().Outcome)
	closed(t, accepted)
	require.False(t, unaccepted(accepted), "it was cancelled later")

	f.Worker.Kill()
	k := a.Submit(hold(s))
	require.False(t, unaccepted(k), "nobody has asked for its end")
	k.Cancel()
	require.NoError(t, f.StartWorker())
	require.Equal(t, "never accepted", closed(t, k).Reason)
	_, err := f.Control.Ticket(t.Context(), k.ID, k.Name)
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	require.True(t, unaccepted(k))
}

// closed waits until a ticket's workflow is closed and gives its result.
func closed(t *testing.T, k *Ticket) (r fleet.TicketResult) {
	t.Helper()
	Await(t, "the workflow of "+string(k.Name)+" to be closed", func() (bool, string) {
		var err error
		r, err = k.Client.WaitTicket(t.Context(), k.WorkflowID, k.RunID)
		return fleet.CodeOf(err) != fleet.CodeUnavailable && fleet.CodeOf(err) != fleet.CodeTimeout, fmt.Sprint(err)
	})
	return r
}
