package tenantdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// A migration must lose nothing, and crawls go on with what it leaves.
func TestStore_GoesOnWithTheRowsOfEveryOlderSchema(t *testing.T) {
	t.Parallel()
	for name, beneath := range map[string]func(*testing.T) (tenantdb.Options, *store.DB){
		"sqlite": beneathFile, "postgres": beneathRole,
	} {
		for _, p := range pgtest.Pasts(t) {
			t.Run(fmt.Sprint(name, " schema ", p.Version), func(t *testing.T) {
				t.Parallel()
				o, db := beneath(t)
				rows := p.Fill(t, db)
				s := open(t, o)
				reads(t, s, rows)
				rows.Kept(t, db)
				goesOn(t, s)
			})
		}
	}
}

// beneathFile is where a tenant's file will be looked for.
func beneathFile(t *testing.T) (tenantdb.Options, *store.DB) {
	t.Helper()
	o := tenantdb.Options{Dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(o.Dir, "acme"), 0o700))
	db, err := store.OpenSQLite(filepath.Join(o.Dir, "acme", "data.db"), false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return o, db
}

// beneathRole is a tenant's schema, as its role: made as every tenant's, and emptied.
func beneathRole(t *testing.T) (tenantdb.Options, *store.DB) {
	t.Helper()
	o := onDatabase(pgtest.Database(t), time.Now)
	s := open(t, o)
	require.NoError(t, s.Create(t.Context(), "acme"))
	require.NoError(t, s.Shutdown())
	role, err := tenantdb.Role(o.Fleet, "acme")
	require.NoError(t, err)
	at, err := store.ParsePostgres(o.Postgres, "")
	require.NoError(t, err)
	db := at.As(role, tenantdb.Password(o.Secret, role)).In(role).Open(store.PostgresPool{})
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	pgtest.Empty(t, db)
	return o, db
}

// reads wants a reader to give every row.
func reads(t *testing.T, s *tenantdb.Store, rows pgtest.Rows) {
	t.Helper()
	total, discovered := 0, 0
	for _, id := range []fleet.TicketID{"ended", "running", "waiting", "cancelled"} {
		c, _, err := s.Progress(t.Context(), "acme", id)
		require.NoError(t, err)
		require.True(t, c.Balanced(), "%+v", c)
		pages, err := s.Pages(t.Context(), "acme", id, 0, 1000)
		require.NoError(t, err)
		total, discovered = total+len(pages), discovered+int(c.Discovered)
	}
	require.Len(t, rows["pages"].Rows, total)
	require.Len(t, rows["frontier"].Rows, discovered)
	home, err := s.Pages(t.Context(), "acme", "running", 0, 1)
	require.NoError(t, err)
	require.Equal(t, "Süß & 'sour'", home[0].Title)
	require.Equal(t, fleet.Values{"price": "1?"}, home[0].Fields)
}

func goesOn(t *testing.T, s *tenantdb.Store) {
	t.Helper()
	for id, want := range map[fleet.TicketID]struct {
		reopened bool
		fetched  int64
		outcome  fleet.Outcome
	}{
		"running": {fetched: 4, outcome: fleet.OutcomeDone}, "waiting": {fetched: 1, outcome: fleet.OutcomeDone},
		"cancelled": {reopened: true, fetched: 2, outcome: fleet.OutcomeDone},
	} {
		const epoch = 9 // after every lease that there was
		if want.reopened {
			require.NoError(t, s.Reopen(t.Context(), "acme", id, epoch))
		}
		c := crawl(t, s, id, epoch)
		require.Equal(t, want.fetched, c.Fetched, "%s: %+v", id, c)
		require.True(t, c.Balanced(), "%+v", c)
		pages, err := s.Pages(t.Context(), "acme", id, 0, 1000)
		require.NoError(t, err)
		once := map[string]bool{}
		for _, p := range pages {
			require.False(t, once[p.URL], "%s is stored twice", p.URL)
			once[p.URL] = true
		}
		require.Len(t, pages, int(c.Discovered))
	}
	a, err := s.Claim(t.Context(), fleet.ClaimRequest{Tenant: "acme", Ticket: "ended", GUID: "g", Epoch: 9, Want: 9}, wide("ended"))
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	require.NoError(t, s.Raise(t.Context(), "acme", "new", 1), "new rows have numbers of their own")
}

// crawl ends a crawl with another crawler: it fetches all that it is given, and every
// page links to one that has been known since the older schema.
func crawl(t *testing.T, s *tenantdb.Store, id fleet.TicketID, epoch int64) fleet.Counters {
	t.Helper()
	claim, err := s.Claim(t.Context(), fleet.ClaimRequest{
		Tenant: "acme", Ticket: id, GUID: "g", Epoch: epoch, Want: 100,
	}, wide(id))
	require.NoError(t, err)
	const home = "http://b.test/"
	r := fleet.ExchangeRequest{Tenant: "acme", Ticket: id, GUID: "g", Fence: claim.Fence, Want: 100}
	known := map[fleet.TicketID]string{"running": home, "waiting": home, "cancelled": "http://c.test/"}[id]
	require.Equal(t, id == "waiting", claim.Seed)
	if claim.Seed {
		r.Seeds = []fleet.Link{{URL: home, Key: home}}
	}
	for work := claim.Work; ; r.Seeds = nil {
		r.Seq, r.Pages = r.Seq+1, nil
		require.LessOrEqual(t, r.Seq, int64(9), "it comes to no end")
		for _, u := range work {
			r.Pages = append(r.Pages, fleet.PageResult{
				ID: u.ID, URL: u.URL, Outcome: fleet.PageFetched, Status: 200,
				Links: []fleet.Link{{URL: known, Key: known}},
			})
		}
		a, err := s.Exchange(t.Context(), r)
		require.NoError(t, err)
		if a.Next == fleet.NextEnd {
			require.Equal(t, fleet.OutcomeDone, a.Outcome)
			return a.Counters
		}
		require.Equal(t, fleet.NextGo, a.Next)
		work = a.Work
	}
}

// wide is a ticket whose limits do not matter.
func wide(id fleet.TicketID) fleet.TicketInput {
	depth := fleet.DefaultMaxDepth
	return fleet.TicketInput{
		Tenant: "acme", ID: id, URLs: []string{"http://b.test/"},
		Scope: fleet.Scope{MaxPages: 1000, MaxDepth: &depth},
	}
}
