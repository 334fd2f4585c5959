package controldb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb/controltest"
)

// serving opens a store with one tenant and so many crawlers of four slots.
func serving(b *testing.B, at place, crawlers int) *controldb.Store {
	b.Helper()
	s, err := controldb.Open(b.Context(), at(controltest.Config{
		Clock: time.Now, NewGUID: func() fleet.GUID { return fleet.GUID(uuid.NewString()) },
		Offerings: []fleet.Offering{{
			ID: "process/a", Provider: "process", Account: "local", Grain: fleet.GrainSecond,
			Price: fleet.Money{Micros: 12_000, Currency: "EUR"},
		}},
	}))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	_, err = s.OpenTenant(b.Context(), fleet.TenantInput{Tenant: "acme", Plan: fleet.Plan{MaxCrawlers: crawlers}})
	require.NoError(b, err)
	_, err = s.SetTenant(b.Context(), "acme", fleet.TenantReady, "")
	require.NoError(b, err)
	for i := range crawlers * 4 {
		_, err := s.Route(b.Context(), request(fmt.Sprint("start", i), false))
		require.NoError(b, err)
	}
	d, err := s.Decide(b.Context(), "acme")
	require.NoError(b, err)
	require.Len(b, d.Starts, crawlers)
	for i, in := range d.Starts {
		_, err := s.Launching(b.Context(), in)
		require.NoError(b, err)
		_, err = s.Serving(b.Context(), in.GUID, fleet.Hello{
			Contract: fleet.ContractVersion, Address: fmt.Sprint("127.0.0.", i+2), Slots: in.Slots,
		})
		require.NoError(b, err)
	}
	leases, err := s.Leases(b.Context(), 0)
	require.NoError(b, err)
	for _, l := range leases {
		record(b, s, l.Lease)
	}
	return s
}

func request(id string, session bool) fleet.RouteRequest {
	in := fleet.TicketInput{Tenant: "acme", ID: fleet.TicketID(id), URLs: []string{"https://example.com/"}}
	if session {
		in.Session = &fleet.Session{Key: "s"}
	}
	in, err := in.Normalise()
	if err != nil {
		panic(err)
	}
	return fleet.RouteRequest{Input: in, WorkflowID: fleet.TicketWorkflowID("acme", in.ID), RunID: "run"}
}

func record(b *testing.B, s *controldb.Store, l fleet.Lease) {
	b.Helper()
	_, err := s.Record(b.Context(), fleet.RecordRequest{
		Tenant: l.Tenant, Ticket: l.Ticket, Epoch: l.Epoch, Outcome: fleet.OutcomeDone,
		Counters: fleet.Counters{Discovered: 1, Fetched: 1},
	})
	require.NoError(b, err)
}

// benchBoth runs a benchmark on both dialects.
func benchBoth(b *testing.B, name string, run func(*testing.B, place)) {
	b.Run("sqlite/"+name, func(b *testing.B) { run(b, inFile(b)) })
	b.Run("postgres/"+name, func(b *testing.B) { run(b, onServer(b)) })
}

// BenchmarkWarm is a warm ticket's part of the store: Route and Record, with the
// time of each. The budget is 0.5 ms and 0.7 ms.
func BenchmarkWarm(b *testing.B) {
	for name, c := range map[string]struct {
		crawlers int
		session  bool
	}{"crawlers=1": {1, false}, "crawlers=20": {20, false}, "crawlers=20/session": {20, true}} {
		benchBoth(b, name, func(b *testing.B, at place) {
			s := serving(b, at, c.crawlers)
			var route, end time.Duration
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				req := request(fmt.Sprint("t", n), c.session)
				t0 := time.Now()
				a, err := s.Route(b.Context(), req)
				require.NoError(b, err)
				t1 := time.Now()
				record(b, s, *a.Lease)
				route, end = route+t1.Sub(t0), end+time.Since(t1)
			}
			b.ReportMetric(float64(route.Microseconds())/float64(n), "µs/Route")
			b.ReportMetric(float64(end.Microseconds())/float64(n), "µs/Record")
		})
	}
}

// BenchmarkFlood is a Record with so many tickets waiting for the slot.
func BenchmarkFlood(b *testing.B) {
	for _, waiting := range []int{10, 1000} {
		benchBoth(b, fmt.Sprintf("waiting=%d", waiting), func(b *testing.B, at place) {
			s := serving(b, at, 1)
			n := 0
			for range waiting + 4 {
				n++
				_, err := s.Route(b.Context(), request(fmt.Sprint("t", n), false))
				require.NoError(b, err)
			}
			var route, end time.Duration
			rounds := 0
			for b.Loop() {
				n++
				rounds++
				t0 := time.Now()
				_, err := s.Route(b.Context(), request(fmt.Sprint("t", n), false))
				require.NoError(b, err)
				route += time.Since(t0)
				leases, err := s.Leases(b.Context(), 0)
				require.NoError(b, err)
				t0 = time.Now()
				record(b, s, leases[0].Lease)
				end += time.Since(t0)
			}
			b.ReportMetric(float64(route.Microseconds())/float64(rounds), "µs/Route")
			b.ReportMetric(float64(end.Microseconds())/float64(rounds), "µs/Record")
		})
	}
}
