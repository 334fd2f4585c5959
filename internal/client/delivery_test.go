package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestRedeliver_AnswersWhatIsSentAgain(t *testing.T) {
	t.Parallel()
	c := connect(t)
	refs, err := c.Redeliver(soon(t), fleet.RedeliverRequest{Tenant: "acme", Ticket: "one"})
	require.NoError(t, err)
	require.Equal(t, []fleet.DeliveryRef{{Tenant: "acme", ID: "msg_1"}}, refs)
	require.Equal(t, fleet.ControlTask, taskTimeout(t, c, fleet.RedeliveryWorkflowID("acme", "one")))
}
