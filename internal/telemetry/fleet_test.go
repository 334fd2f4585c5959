package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// figures are a store's, and its error.
type figures struct {
	now fleet.Gauges
	err error
}

func (f *figures) Gauges(context.Context) (fleet.Gauges, error) { return f.now, f.err }

func TestFleet_ShowsWhatAnOperatorActsOn(t *testing.T) {
	t.Parallel()
	of := &figures{now: fleet.Gauges{
		Tenants:  map[fleet.TenantState]int{fleet.TenantReady: 3},
		Crawlers: map[fleet.CrawlerState]int{fleet.CrawlerServing: 2}, Tickets: map[fleet.TicketState]int{fleet.TicketWaiting: 7},
		Waiting: map[fleet.WaitCode]int{fleet.WaitCapacity: 7}, OldestWaiting: time.Now().Add(-time.Hour),
		Leases: 5, Slots: 8, Deliveries: map[fleet.DeliveryState]int{fleet.DeliverySetAside: 4}, Cooldowns: 1, Held: 2,
		Banned: 6, Leftovers: map[fleet.ProviderKind]int{"nomad": 9}, Unlisted: 1,
	}}
	r := telemetry.NewRegistry()
	f := telemetry.NewFleet(r, telemetry.FleetOptions{Gauges: of, Dir: t.TempDir()})
	f.Cured("ticket")
	f.Tried("failed")
	f.LaunchFailed("capacity")
	f.Round("reaper", "ok", true)
	f.Round("keeper", "failed", false)
	served := f.Served("data_plane", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	g := telemetry.NewGateway(r, []string{"queue", "task"})
	g.Passed("/v1/echo")
	g.Refused("queue")
	h := telemetry.NewHandler(nil, r)
	text := get(h, "/metrics").Body.String()
	for _, line := range []string{
		`crawlfleet_tenants{state="ready"} 3`, `crawlfleet_crawlers{state="serving"} 2`,
		`crawlfleet_tickets{state="waiting"} 7`, `crawlfleet_waiting_tickets{reason="capacity"} 7`,
		`crawlfleet_leases 5`, `crawlfleet_slots 8`, `crawlfleet_webhook_messages{state="set_aside"} 4`,
		`crawlfleet_cooldowns 1`, `crawlfleet_spend_held 2`, `crawlfleet_store_up 1`,
		`crawlfleet_banned_addresses 6`, `crawlfleet_leftovers{provider="nomad"} 9`, `crawlfleet_providers_unlisted 1`,
		`crawlfleet_cures_total{cure="ticket"} 1`, `crawlfleet_webhook_tries_total{result="failed"} 1`,
		`crawlfleet_launch_failures_total{class="capacity"} 1`,
		`crawlfleet_rounds_total{loop="keeper",result="failed"} 1`,
		`crawlfleet_http_requests_total{server="data_plane",status="5xx"} 1`,
		`crawlfleet_gateway_requests_total{call="/v1/echo"} 1`,
		`crawlfleet_gateway_refusals_total{kind="queue"} 1`, `crawlfleet_gateway_refusals_total{kind="task"} 0`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.Regexp(t, `crawlfleet_oldest_waiting_seconds 36\d\d`, text)
	require.Regexp(t, `crawlfleet_data_free_bytes [1-9]`, text)
	require.Contains(t, text, `crawlfleet_last_round_timestamp_seconds{loop="reaper"} 1`)
	require.NotContains(t, text, `crawlfleet_last_round_timestamp_seconds{loop="keeper"}`)

	shown := []string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (crawlfleet_\w+)`).FindAllStringSubmatch(text, -1) {
		shown = append(shown, m[1])
	}
	all := telemetry.FleetMetrics()
	slices.Sort(all)
	slices.Sort(shown)
	require.Equal(t, all, shown)

	of.err = errors.New("database is locked")
	text = get(h, "/metrics").Body.String()
	require.Contains(t, text, "crawlfleet_store_up 0\n")
	require.NotContains(t, text, "crawlfleet_leases")
}
