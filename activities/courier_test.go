package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestCourier_TellsEverybody(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.courier.Tell(t.Context(), fleet.Follow{
		Grants:     []fleet.Grant{{WorkflowID: "ticket/acme/t1"}},
		Conductors: []fleet.TenantID{"acme"},
		Drains:     []fleet.CrawlerDrain{{CrawlerRef: fleet.CrawlerRef{Tenant: "acme", GUID: "g"}}},
	})
	var got []string
	for _, m := range d.temporal.Messages("") {
		got = append(got, m.Kind+" "+m.WorkflowID+" "+m.Name)
	}
	require.Equal(t, []string{
		"signal ticket/acme/t1 granted", "start conductor/acme demand", "signal crawler/acme/g drain",
	}, got)
}

func TestCourier_WhatCannotBeDeliveredIsLeftToTheTimers(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.temporal.Err = serviceerror.NewUnavailable("away")
	d.courier.Tell(t.Context(), fleet.Follow{
		Grants: []fleet.Grant{{WorkflowID: "ticket/acme/t1"}}, Conductors: []fleet.TenantID{"acme"},
	})
	require.NotContains(t, d.store.Calls(), "Ungrant", "away is not closed")
}
