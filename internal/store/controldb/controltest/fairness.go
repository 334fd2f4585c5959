package controltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testFairness(t *testing.T, open Factory) {
	each(t, open, []part{
		{"AFullPlaceIsShared", aFullPlaceIsShared},
		{"AnIdleCrawlerMakesRoomAtOnce", anIdleCrawlerMakesRoomAtOnce},
		{"WhatWasMadeForOneIsKept", whatWasMadeForOneIsKept},
		{"PriorityBeforeAge", priorityBeforeAge},
	})
	for _, turn := range []time.Duration{time.Second, 3 * time.Second, 20 * time.Second} {
		t.Run("AFloodDelaysByTwoTurns/"+turn.String(), func(t *testing.T) { twoTurns(t, open, turn) })
	}
}

func aFullPlaceIsShared(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{offering("a", 1)} })
	r.tenant("flood", fleet.Plan{MaxCrawlers: 5, SlotsPerCrawler: 2})
	r.tenant("small", fleet.Plan{MaxCrawlers: 5, SlotsPerCrawler: 2})
	one := r.cold(ticket("flood", "one"))
	two := r.leased(ticket("flood", "two"))
	r.waits(ticket("flood", "more"), fleet.WaitCapacity)
	r.clock.advance(time.Millisecond)
	r.waits(ticket("small", "mine"), fleet.WaitCapacity)
	r.decide("small")

	require.Len(t, r.record(one).Follow.Grants, 1, "small has not waited for a whole turn")
	more := r.leased(ticket("flood", "more"))
	r.waits(ticket("flood", "again"), fleet.WaitCapacity)
	r.clock.advance(2 * time.Second)
	a := r.record(two)
	require.Len(t, a.Follow.Drains, 1)
	require.Equal(t, fleet.CrawlerRef{Tenant: "flood", GUID: one.GUID}, a.Follow.Drains[0].CrawlerRef)
	require.NotContains(t, a.Follow.Drains[0].Reason, "small", "one tenant does not read another's name")
	require.Empty(t, a.Follow.Grants, "its slots are not leased again")
	require.Empty(t, r.record(more).Follow.Grants)
	f := r.leave(one.GUID)
	require.Equal(t, []fleet.TenantID{"flood", "small"}, f.Conductors)
	require.Len(t, r.decide("small").Starts, 1)
}

func anIdleCrawlerMakesRoomAtOnce(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{offering("a", 1)} })
	r.tenant("idle", fleet.Plan{})
	r.tenant("needs", fleet.Plan{})
	l := r.cold(ticket("idle", "one"))
	r.waits(ticket("needs", "mine"), fleet.WaitCapacity)
	require.Empty(t, r.decide("needs").Follow.Drains, "it is not idle")
	drains := r.record(l).Follow.Drains
	require.Len(t, drains, 1, "nobody of its own wants it")
	r.leave(l.GUID)
	l = r.cold(ticket("needs", "mine"))
	r.record(l)
	r.waits(ticket("idle", "two"), fleet.WaitCapacity)
	d := r.decide("idle")
	require.Len(t, d.Follow.Drains, 1)
	require.Equal(t, l.GUID, d.Follow.Drains[0].GUID)
	require.Equal(t, d.Follow.Drains, r.decide("idle").Follow.Drains, "until it is told")
	require.Len(t, r.leave(l.GUID).Conductors, 1)
	require.Len(t, r.decide("idle").Starts, 1)
}

func whatWasMadeForOneIsKept(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{offering("a", 2)} })
	r.tenant("flood", fleet.Plan{SlotsPerCrawler: 1})
	r.tenant("small", fleet.Plan{SlotsPerCrawler: 1})
	one := r.cold(ticket("flood", "one"))
	r.cold(ticket("flood", "two"))
	r.waits(ticket("flood", "three"), fleet.WaitCapacity)
	r.waits(ticket("small", "mine"), fleet.WaitCapacity)
	r.decide("small")
	_, err := r.Bury(r.ctx, one.GUID, "killed")
	require.NoError(t, err)
	d := r.decide("flood")
	require.Empty(t, d.Starts, "the place is small's")
	require.Contains(t, r.row("flood", "three").Wait.Message, "kept for tenants that have less")
	require.Len(t, r.decide("small").Starts, 1)
}

func priorityBeforeAge(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "first"))
	for i, p := range []int{5, 3, 1} {
		r.waits(ticket("acme", fleet.TicketID(fmt.Sprint("t", i)), func(in *fleet.TicketInput) { in.Priority = p }), fleet.WaitSlot)
		r.clock.advance(time.Second)
	}
	for _, want := range []fleet.TicketID{"t2", "t1", "t0"} {
		g := r.record(l).Follow.Grants
		require.Len(t, g, 1)
		require.Equal(t, want, g[0].Ticket)
		row := r.row("acme", want)
		l = *row.Lease
	}
}

// leave brings a draining crawler to its end, as its workflow does.
func (r *rig) leave(g fleet.GUID) fleet.Follow {
	r.t.Helper()
	a, err := r.Drain(r.ctx, g, "drained")
	require.NoError(r.t, err)
	require.True(r.t, a.Done)
	f, err := r.Gone(r.ctx, g, r.clock.now())
	require.NoError(r.t, err)
	return f
}

// twoTurns: two tenants share a place for two crawlers of one slot. One has thirty
// tickets, of a turn each; the other comes again and again, and each of its tickets has
// a slot within two turns.
func twoTurns(t *testing.T, open Factory, turn time.Duration) {
	r := newRig(t, open, func(c *Config) {
		c.Offerings, c.Patience = []fleet.Offering{offering("a", 2)}, 5*time.Second
	})
	s := &shared{rig: r, turn: turn, leases: map[fleet.TicketID]fleet.Lease{}, came: map[fleet.TicketID]time.Time{}}
	for _, tenant := range []fleet.TenantID{"flood", "small"} {
		r.tenant(tenant, fleet.Plan{MaxCrawlers: 5, SlotsPerCrawler: 1})
	}
	for i := range 30 {
		s.submit("flood", fmt.Sprint("flood", i))
	}
	step := turn / 4
	for i := range 120 {
		r.clock.advance(step)
		if i%17 == 1 && i < 80 { // at another point of the turn each time
			s.submit("small", fmt.Sprint("small", i))
		}
		s.end()
	}
	require.Len(t, s.delays, 35, "every ticket was served")
	for id, d := range s.delays {
		if s.of[id] == "small" {
			require.LessOrEqual(t, d, 2*turn, "%s", id)
		}
	}
}

// shared plays the workflows of two tenants: each ticket takes a turn.
type shared struct {
	*rig
	turn   time.Duration
	leases map[fleet.TicketID]fleet.Lease
	came   map[fleet.TicketID]time.Time
	of     map[fleet.TicketID]fleet.TenantID
	delays map[fleet.TicketID]time.Duration
}

func (s *shared) submit(t fleet.TenantID, id string) {
	if s.of == nil {
		s.of, s.delays = map[fleet.TicketID]fleet.TenantID{}, map[fleet.TicketID]time.Duration{}
	}
	s.came[fleet.TicketID(id)], s.of[fleet.TicketID(id)] = s.clock.now(), t
	s.ask(t, fleet.TicketID(id))
}

func (s *shared) ask(t fleet.TenantID, id fleet.TicketID) {
	a := s.route(ticket(t, id))
	if a.Kind == fleet.RouteLeased {
		if _, again := s.leases[id]; !again {
			s.leases[id], s.delays[id] = *a.Lease, s.clock.now().Sub(s.came[id])
		}
		return
	}
	if a.Tell {
		s.conduct(t)
	}
}

func (s *shared) conduct(t fleet.TenantID) {
	d := s.decide(t)
	s.follow(d.Follow)
	for _, in := range d.Starts {
		s.follow(s.serve(in))
	}
}

func (s *shared) follow(f fleet.Follow) {
	for _, g := range f.Grants {
		s.ask(g.Tenant, g.Ticket)
	}
	for _, d := range f.Drains {
		a, err := s.Drain(s.ctx, d.GUID, d.Reason)
		require.NoError(s.t, err)
		if a.Done && s.crawler(d.GUID).State.Live() {
			gone, err := s.Gone(s.ctx, d.GUID, s.clock.now())
			require.NoError(s.t, err)
			s.follow(gone)
		}
	}
	for _, t := range f.Conductors {
		s.conduct(t)
	}
}

// end records the tickets whose turn is over, in the order of their leases.
func (s *shared) end() {
	for id, l := range s.leases {
		if s.clock.now().Sub(l.TakenAt) >= s.turn && s.row(l.Tenant, id).State == fleet.TicketRunning {
			s.follow(s.record(l).Follow)
		}
	}
}
