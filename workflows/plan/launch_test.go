package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

func TestCheapest(t *testing.T) {
	t.Parallel()
	o, wait := plan.Cheapest(state(atPlace("a", full)))
	require.Nil(t, wait)
	require.Equal(t, fleet.OfferingID("b"), o.ID)
	_, wait = plan.Cheapest(state(atPlace("a", full), atPlace("b", full)))
	require.Equal(t, fleet.WaitCapacity, wait.Code)
}
