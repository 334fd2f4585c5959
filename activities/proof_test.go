package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// A crawler that names an address it was not seen to come from is in no route.
func TestServing_BelievesNoAddressWithoutItsProof(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold = true
	d.crawlers.Proven = func(g fleet.GUID, h fleet.Hello) error {
		if h.Proof == "signed for "+string(g)+" at "+h.Address {
			return nil
		}
		return fleet.Errorf(fleet.CodeForbidden, "not seen there")
	}
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	guid := activitytest.GUID(1)
	hello := fleet.Hello{Contract: fleet.ContractVersion, Address: "203.0.113.7"}
	for _, proof := range []string{"", "signed for " + string(guid) + " at 203.0.113.8"} {
		hello.Proof = proof
		err := d.crawlers.Serving(t.Context(), activities.ServingInput{GUID: guid, Hello: hello})
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, string(fleet.CodeForbidden), app.Type())
		require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	}
	hello.Proof = "signed for " + string(guid) + " at 203.0.113.7"
	require.NoError(t, d.crawlers.Serving(t.Context(), activities.ServingInput{GUID: guid, Hello: hello}))
	require.Equal(t, fleet.RouteLeased, d.route(t, "t1").Kind)
}
