package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// desk is the control side's activities over a store, a substrate and a client in memory.
type desk struct {
	store    *activitytest.Store
	temporal *activitytest.Temporal
	provider *activitytest.Provider
	courier  *activities.Courier
	tickets  *activities.Tickets
	crawlers *activities.Crawlers
	machines *activities.Machines
	tenants  *activities.Tenants
	reaper   *activities.Reaper
	counted  []string
}

func newDesk() *desk {
	d := &desk{
		store: activitytest.NewStore(), temporal: activitytest.NewTemporal(),
		provider: activitytest.NewProvider(),
	}
	log := zap.NewNop()
	d.courier = &activities.Courier{Temporal: d.temporal, Desk: d.store, Log: log}
	d.machines = &activities.Machines{
		Fleet: "test", Providers: activities.Providers{"memory": d.provider}, Desk: d.store,
		Env:   func(fleet.CrawlerInput) map[string]string { return map[string]string{"A": "1"} },
		Token: func(r fleet.CrawlerInput) fleet.Secret { return fleet.Secret("token of " + r.GUID) },
	}
	d.tickets = &activities.Tickets{
		Desk: d.store, Data: d.store, Courier: d.courier, Machines: d.machines, Log: log,
	}
	d.crawlers = &activities.Crawlers{
		Desk: d.store, Temporal: d.temporal, Namespace: "default", Courier: d.courier,
		Machines: d.machines,
	}
	d.tenants = &activities.Tenants{
		Control: d.store, Data: d.store, Temporal: d.temporal, Namespace: "default", Courier: d.courier,
	}
	d.reaper = &activities.Reaper{
		Control: d.store, Data: d.store, Temporal: d.temporal, Machines: d.machines,
		Courier: d.courier, Namespace: "default", Interval: time.Millisecond, Log: log,
		Count: func(what, kind string) {
			if what == activities.CountedCure {
				d.counted = append(d.counted, kind)
			}
		},
	}
	return d
}

// route routes a ticket of acme, as its workflow does.
func (d *desk) route(t *testing.T, id string) activities.Routed {
	t.Helper()
	routed, err := d.tickets.Route(t.Context(), activities.RouteInput{
		Document:   json.RawMessage(`{"tenant":"acme","id":"` + id + `","urls":["https://example.com/"]}`),
		WorkflowID: fleet.TicketWorkflowID("acme", fleet.TicketID(id)), RunID: "r1",
	})
	require.NoError(t, err)
	return routed
}
