package controltest

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Spoiler is a store under test whose rows can be broken by SQL.
type Spoiler interface {
	Spoil(ctx context.Context, query string, args ...any) error
}

// healing is the page whose marked table is played, from the test's folder.
const healing = "../../../docs/healing.md"

// mended reads the marked table: the first two cells of each row, and the case that it
// is counted as.
func mended(t *testing.T) map[string]fleet.MendCase {
	t.Helper()
	page, err := os.ReadFile(healing)
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page), "<!-- mended -->\n")
	require.True(t, found, "the page has no marked table")
	table, _, found = strings.Cut(table, "<!-- /mended -->")
	require.True(t, found)
	cases := map[string]fleet.MendCase{}
	for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(row, "|")
		require.Len(t, cells, 6, row)
		name := strings.TrimSpace(cells[1]) + " / " + strings.TrimSpace(cells[2])
		cases[name] = fleet.MendCase(strings.Trim(cells[4], " `"))
	}
	return cases
}

// testMend plays each row of the docs: the table of cases and cures is the test.
func testMend(t *testing.T, open Factory) {
	plays := mendings()
	for name, c := range mended(t) {
		play, ok := plays[name]
		delete(plays, name)
		t.Run(name, func(t *testing.T) {
			require.True(t, ok, "nobody plays this row")
			play(&spoilt{rig: newRig(t, open, nil), c: c})
		})
	}
	require.Empty(t, plays, "played, and in no table")
	t.Run("NothingIsWrong", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.hooked(fleet.Plan{}, fleet.Webhook{URL: "https://all.example.com/"})
		r.record(r.cold(ticket("acme", "one")))
		r.leased(ticket("acme", "two"))
		m, err := r.Mend(r.ctx, 100)
		require.NoError(t, err)
		require.Equal(t, fleet.Mended{}, m)
	})
}

func mendings() map[string]func(*spoilt) {
	return map[string]func(*spoilt){
		"lease / its ticket does not exist": func(s *spoilt) {
			l := s.running()
			s.spoil(`DELETE FROM tickets WHERE ticket = 'one'`)
			s.freed(l)
			_, err := s.Ticket(s.ctx, "acme", "one")
			refused(s.t, err, fleet.CodeNotFound, "id")
		},
		"lease / its ticket has ended": func(s *spoilt) {
			l := s.running()
			s.spoil(`UPDATE tickets SET state = 'ended' WHERE ticket = 'one'`)
			s.freed(l)
			bill, err := s.Bill(s.ctx, "acme", "one")
			require.NoError(s.t, err)
			require.Equal(s.t, euro(250), bill.Total, "a quarter of a crawler for a second")
		},
		"lease / its crawler is gone":                                     (*spoilt).burial,
		"ticket `running` / it has no lease":                              (*spoilt).leaseless,
		"crawler that is live / `leased` is not the number of its leases": (*spoilt).miscounted,
		"message to a webhook, pending / its ticket does not exist":       (*spoilt).message,
	}
}

// spoilt is a store with broken rows, and the case that they are.
type spoilt struct {
	*rig
	c fleet.MendCase
}

// running is a ticket that has run for a second.
func (s *spoilt) running() fleet.Lease {
	s.t.Helper()
	s.hooked(fleet.Plan{MaxCrawlers: 1}, fleet.Webhook{URL: "https://all.example.com/"})
	l := s.cold(ticket("acme", "one"))
	s.clock.advance(time.Second)
	return l
}

func (s *spoilt) spoil(query string, args ...any) {
	s.t.Helper()
	store, ok := s.Control.(Spoiler)
	require.True(s.t, ok, "a %T cannot be spoilt", s.Control)
	require.NoError(s.t, store.Spoil(s.ctx, query, args...))
}

// mend wants so many cures of the case and no other, and nothing to be left.
func (s *spoilt) mend(n int) fleet.Mended {
	s.t.Helper()
	m, err := s.Mend(s.ctx, 100)
	require.NoError(s.t, err)
	require.Equal(s.t, map[fleet.MendCase]int{s.c: n}, m.Cures)
	again, err := s.Mend(s.ctx, 100)
	require.NoError(s.t, err)
	require.Equal(s.t, fleet.Mended{}, again, "once more does nothing")
	return m
}

// freed mends, and wants a lease to be given back and its crawl to be failed.
func (s *spoilt) freed(l fleet.Lease) {
	s.t.Helper()
	m := s.mend(1)
	require.Len(s.t, m.Leases, 1)
	require.Equal(s.t, l.Epoch, m.Leases[0].Epoch)
	require.Equal(s.t, fleet.TicketWorkflowID("acme", "one"), m.Leases[0].WorkflowID)
	leases, err := s.Leases(s.ctx, 0)
	require.NoError(s.t, err)
	require.Empty(s.t, leases)
	c := s.crawler(l.GUID)
	require.Zero(s.t, c.Leased)
	require.Equal(s.t, s.clock.now(), c.Times.IdleFrom)
	next := s.leased(ticket("acme", "next"))
	require.Equal(s.t, l.GUID, next.GUID, "its slot is free")
	s.says("acme", "next")
}

// says wants a decision that tells of the cure, in the thread of a ticket or crawler.
func (s *spoilt) says(t fleet.TenantID, id fleet.TicketID) {
	s.t.Helper()
	require.Contains(s.t, s.kinds(t, id), fleet.DecidedMend)
}

func (s *spoilt) burial() {
	l := s.running()
	s.spoil(`UPDATE crawlers SET state = 'gone', gone_at = ? WHERE guid = ?`,
		s.clock.now().UnixMicro(), l.GUID)
	s.clock.advance(time.Hour)
	m := s.mend(1)
	require.Len(s.t, m.Leases, 1)
	require.Equal(s.t, l.Epoch, m.Leases[0].Epoch)
	require.Equal(s.t, []fleet.TenantID{"acme"}, m.Follow.Conductors)
	require.Equal(s.t, fleet.TicketWaiting, s.row("acme", "one").State)
	require.Zero(s.t, s.crawler(l.GUID).Leased)
	bill, err := s.Bill(s.ctx, "acme", "one")
	require.NoError(s.t, err)
	require.Equal(s.t, euro(250), bill.Total, "what is gone costs nothing")
	s.says("acme", "one")
	require.Len(s.t, s.decide("acme").Starts, 1, "it goes elsewhere")
}

func (s *spoilt) leaseless() {
	l := s.running()
	s.spoil(`DELETE FROM leases WHERE ticket = 'one'`)
	s.spoil(`UPDATE crawlers SET leased = 0 WHERE guid = ?`, l.GUID)
	m := s.mend(1)
	require.Len(s.t, m.Leases, 1)
	require.Equal(s.t, l.Epoch, m.Leases[0].Epoch)
	require.Len(s.t, m.Follow.Grants, 1, "the slot is free, so it gets it")
	s.says("acme", "one")

	ask := ticket("acme", "one")
	ask.Lost, ask.Why = l.Epoch, fleet.CodeCrawlerLost
	a := s.route(ask)
	require.Equal(s.t, fleet.RouteFence, a.Kind, "the crawl that was lost is stopped first")
	ask.Fenced = a.Epoch
	a = s.route(ask)
	require.Equal(s.t, fleet.RouteLeased, a.Kind)
	require.Greater(s.t, a.Lease.Epoch, l.Epoch)
}

func (s *spoilt) miscounted() {
	l := s.running()
	for _, count := range []int{0, 3} {
		s.spoil(`UPDATE crawlers SET leased = ? WHERE guid = ?`, count, l.GUID)
		m := s.mend(1)
		require.Empty(s.t, m.Leases)
		require.Equal(s.t, 1, s.crawler(l.GUID).Leased)
		require.Equal(s.t, fleet.TicketRunning, s.row("acme", "one").State)
	}
	s.record(l)
	s.spoil(`UPDATE crawlers SET leased = 1, idle_from = 0 WHERE guid = ?`, l.GUID)
	s.mend(1)
	require.Equal(s.t, s.clock.now(), s.crawler(l.GUID).Times.IdleFrom, "it can be retired again")
	s.says("acme", "one")
}

func (s *spoilt) message() {
	l := s.running()
	refs := s.record(l).Follow.Deliveries
	require.Len(s.t, refs, 1)
	s.spoil(`DELETE FROM tickets WHERE ticket = 'one'`)
	s.mend(1)
	_, err := s.Delivery(s.ctx, refs[0])
	refused(s.t, err, fleet.CodeNotFound, "id")
}
