package controldb_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb/controltest"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

// past is a store that was brought from an older schema, with what was in it.
type past struct {
	*controldb.Store
	t    *testing.T
	now  time.Time // advances with what the test does
	rows pgtest.Rows
}

// A migration must lose nothing, and what it leaves is a fleet that goes on.
func TestOpen_GoesOnWithTheRowsOfEveryOlderSchema(t *testing.T) {
	both(t, func(t *testing.T, at func(testing.TB) place) {
		for _, p := range pgtest.Pasts(t) {
			t.Run(fmt.Sprint("schema ", p.Version), func(t *testing.T) {
				t.Parallel()
				s := broughtForward(t, p, at(t))
				s.reads()
				s.goesOn()
				s.addsUp()
			})
		}
	})
}

func broughtForward(t *testing.T, p pgtest.Past, at place) *past {
	t.Helper()
	s := &past{t: t, now: time.Date(2026, 11, 2, 10, 0, 40, 0, time.UTC)}
	place := func(id fleet.OfferingID) fleet.Offering {
		return fleet.Offering{
			ID: id, Provider: "process", Account: "local", Country: "DE", Region: "region-b",
			Price: fleet.Money{Micros: 3_600_000, Currency: "EUR"}, Capacity: 4,
		}
	}
	o := at(controltest.Config{
		Offerings: []fleet.Offering{place("process/a"), place("process/b")},
		Clock:     func() time.Time { return s.now },
		NewGUID:   func() fleet.GUID { require.Fail(t, "no crawler has to be started"); return "" },
	})
	o.Fleet = "f-0123456789ab" // whose rows they are
	db := beneath(t, o)
	s.rows = p.Fill(t, db)
	s.Store = open(t, o)
	s.rows.Kept(t, db)
	return s
}

// beneath is the database itself.
func beneath(t *testing.T, o controldb.Options) *store.DB {
	t.Helper()
	db, err := store.OpenSQLite(o.Path, false)
	if o.Postgres != "" {
		var at *store.Postgres
		at, err = store.ParsePostgres(o.Postgres, controldb.Schema)
		require.NoError(t, err)
		db = at.Open(store.PostgresPool{})
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// reads wants a reader to give every row.
func (s *past) reads() {
	s.t.Helper()
	ctx, all := s.t.Context(), func(table string) int { return len(s.rows[table].Rows) }
	tenants, err := s.Tenants(ctx)
	require.NoError(s.t, err)
	require.Len(s.t, tenants, all("tenants"))
	acme, err := s.Tenant(ctx, "acme")
	require.NoError(s.t, err)
	require.Equal(s.t, "Acme's & sons", acme.Name)
	require.Equal(s.t, map[string]string{"team": "söuth"}, acme.Labels)
	require.NoError(s.t, acme.Plan.Validate())
	tickets, err := s.Tickets(ctx, fleet.TicketFilter{Limit: 1000})
	require.NoError(s.t, err)
	require.Len(s.t, tickets, all("tickets"))
	for _, row := range tickets {
		one, err := s.Ticket(ctx, row.Input.Tenant, row.Input.ID)
		require.NoError(s.t, err)
		require.Equal(s.t, row, one)
		story, err := s.Decisions(ctx, row.Input.Tenant, row.Input.ID)
		require.NoError(s.t, err)
		require.NotEmpty(s.t, story)
	}
	crawlers, err := s.AllCrawlers(ctx, fleet.CrawlerFilter{Limit: math.MaxInt32})
	require.NoError(s.t, err)
	require.Len(s.t, crawlers, all("crawlers"))
	leases, err := s.Leases(ctx, 0)
	require.NoError(s.t, err)
	require.Len(s.t, leases, all("leases"))
	keys, err := s.Keys(ctx, "acme")
	require.NoError(s.t, err)
	require.Len(s.t, keys, all("keys"))
	audit, err := s.AuditTrail(ctx, fleet.AuditFilter{})
	require.NoError(s.t, err)
	require.Len(s.t, audit, all("audit"))
}

// goesOn ends every ticket as their workflows would, who ask with what they were started with.
func (s *past) goesOn() {
	s.t.Helper()
	ctx := s.t.Context()
	require.Equal(s.t, fleet.RouteFinished, s.route("acme", "ended").Kind, "the same id and content is the same ticket")
	f := s.end(s.route("acme", "running").Lease).Follow
	require.Len(s.t, f.Grants, 1)
	require.Equal(s.t, fleet.TicketID("urgent"), f.Grants[0].Ticket, "its slot goes to who waits")
	require.Equal(s.t, f.Grants[0].Epoch, s.route("acme", "urgent").Lease.Epoch)
	_, err := s.Record(ctx, fleet.RecordRequest{
		Tenant: "acme", Ticket: "closing", WorkflowID: "ticket/acme/closing", Outcome: fleet.OutcomeCancelled,
	})
	require.NoError(s.t, err)
	for _, id := range []fleet.TicketID{"moved", "urgent", "waiting", "in-session"} {
		s.end(s.route("acme", id).Lease)
	}
	granted := s.route("other", "granted").Lease // picked up
	s.serves("abroad")
	s.end(granted)
	s.end(s.route("other", "abroad").Lease)
	for _, id := range []fleet.TenantID{"acme", "other"} {
		open, err := s.OpenTickets(ctx, id)
		require.NoError(s.t, err)
		require.Empty(s.t, open)
	}
	_, err = s.SetTenant(ctx, "late", fleet.TenantReady, "")
	require.NoError(s.t, err)
}

// serves has the crawler that was on its way come.
func (s *past) serves(id fleet.TicketID) {
	s.t.Helper()
	ctx := s.t.Context()
	rows, err := s.Crawlers(ctx, "other")
	require.NoError(s.t, err)
	for _, c := range rows {
		if c.State != fleet.CrawlerStarting {
			continue
		}
		require.NoError(s.t, s.Launched(ctx, c.GUID, fleet.Instance{ProviderID: "1"}))
		f, err := s.Serving(ctx, c.GUID, fleet.Hello{
			Contract: fleet.ContractVersion, GUID: c.GUID, Address: "127.0.0.9", Slots: c.Slots,
		})
		require.NoError(s.t, err)
		require.Len(s.t, f.Grants, 1)
		require.Equal(s.t, id, f.Grants[0].Ticket)
		return
	}
	require.Fail(s.t, "no crawler is on its way")
}

// addsUp closes the books of every crawler: each bill is final, and the sum of its lines.
func (s *past) addsUp() {
	s.t.Helper()
	ctx := s.t.Context()
	live, err := s.Crawlers(ctx, "")
	require.NoError(s.t, err)
	require.Len(s.t, live, 3)
	for _, c := range live {
		_, err := s.Gone(ctx, c.GUID, s.now)
		require.NoError(s.t, err)
	}
	sums := map[fleet.TenantID]int64{}
	tickets, err := s.Tickets(ctx, fleet.TicketFilter{Limit: 1000})
	require.NoError(s.t, err)
	for _, row := range tickets {
		require.Equal(s.t, fleet.TicketEnded, row.State)
		b, err := s.Bill(ctx, row.Input.Tenant, row.Input.ID)
		require.NoError(s.t, err)
		require.True(s.t, b.Final)
		require.Equal(s.t, b.Total, row.Result.Bill, "%s", row.Input.ID)
		sums[row.Input.Tenant] += b.Total.Micros
	}
	costs, err := s.Costs(ctx, time.Time{})
	require.NoError(s.t, err)
	require.Len(s.t, costs, len(sums))
	for _, b := range costs {
		require.True(s.t, b.Final)
		require.Positive(s.t, b.Total.Micros)
		require.Equal(s.t, b.Total.Micros, sums[b.Tenant], "%s", b.Tenant)
	}
}

// route asks for a ticket as its workflow does, a second after what was before.
func (s *past) route(t fleet.TenantID, id fleet.TicketID) fleet.RouteAnswer {
	s.t.Helper()
	s.now = s.now.Add(time.Second)
	row, err := s.Ticket(s.t.Context(), t, id)
	require.NoError(s.t, err)
	in, err := row.Input.Normalise()
	require.NoError(s.t, err)
	a, err := s.Route(s.t.Context(), fleet.RouteRequest{Input: in, WorkflowID: row.WorkflowID, RunID: row.RunID})
	require.NoError(s.t, err)
	if a.Kind != fleet.RouteFinished {
		require.Equal(s.t, fleet.RouteLeased, a.Kind, "%s: %+v", id, a.Wait)
	}
	return a
}

func (s *past) end(l *fleet.Lease) fleet.RecordAnswer {
	s.t.Helper()
	s.now = s.now.Add(time.Second)
	a, err := s.Record(s.t.Context(), fleet.RecordRequest{
		Tenant: l.Tenant, Ticket: l.Ticket, WorkflowID: fleet.TicketWorkflowID(l.Tenant, l.Ticket),
		Epoch: l.Epoch, Outcome: fleet.OutcomeDone,
	})
	require.NoError(s.t, err)
	require.Equal(s.t, fleet.OutcomeDone, a.Result.Outcome)
	return a
}
