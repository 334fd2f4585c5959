package plan_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// allowed wants that a ticket may use an address: never one that is banned at its host,
// never a used one where an unused one was asked for, none but the one that was.
func allowed(t require.TestingT, d plan.Demand, address string) {
	require.NotContains(t, d.Egress.Banned, address, "ticket %s: a banned address", d.Ticket)
	if d.Place.FreshAddress {
		if address != d.Mine {
			require.NotContains(t, d.Egress.Used, address, "ticket %s: a used address", d.Ticket)
		}
		require.NotEmpty(t, address, "ticket %s: an address that nobody knows", d.Ticket)
	}
	if d.Place.Address != "" {
		require.Equal(t, d.Place.Address, address)
	}
}

// addressOf is the address of a crawler.
func addressOf(s plan.State, g fleet.GUID) string {
	for _, c := range s.Crawlers {
		if c.GUID == g {
			return c.Address
		}
	}
	return ""
}

// checkAddresses: whatever is granted, or started for a ticket, has an address that the
// ticket may use.
func checkAddresses(t require.TestingT, s plan.State, d plan.Decisions) {
	places := map[fleet.OfferingID]plan.Place{}
	for _, o := range s.Offerings {
		places[o.ID] = o
	}
	type use struct{ host, address string }
	before := map[use]bool{}
	for _, w := range plan.Order(s.Waiting) {
		if g, ok := d.Grants[w.Ticket]; ok {
			u := use{w.Hosts[0], addressOf(s, g)}
			allowed(t, w, u.address)
			require.False(t, w.Place.FreshAddress && before[u], "ticket %s: used by one before it", w.Ticket)
			before[u] = true
		}
		if c := plan.Route(s, w); c.GUID != "" {
			allowed(t, w, addressOf(s, c.GUID))
		}
		if wait, ok := d.Waits[w.Ticket]; ok && wait.Code == fleet.WaitBanned {
			require.True(t, wait.Until.After(s.Now))
			require.False(t, d.Wake.Until.IsZero() || d.Wake.Until.After(wait.Until), "it decides again when the ban ends")
		}
		for _, st := range d.Starts {
			if st.For != w.Ticket {
				continue
			}
			p := places[st.Offering]
			if st.Address != "" {
				allowed(t, w, st.Address)
				require.Contains(t, append(p.Addresses, w.Place.Address, s.Sessions[st.Session].Address), st.Address)
				require.NotContains(t, p.InUse, st.Address)
			} else if w.Place.FreshAddress || w.Place.Address != "" {
				require.NotEmpty(t, p.Addresses)
				for _, a := range p.Addresses { // whichever it has
					allowed(t, w, a)
				}
			}
		}
	}
}

func checkInvariants(t require.TestingT, s plan.State) {
	d := plan.Decide(s)
	require.Equal(t, d, plan.Decide(clone(s, rand.New(rand.NewPCG(1, 2)))), "in any order of its lists")

	drained := map[fleet.GUID]bool{}
	for _, g := range d.Drains {
		drained[g] = true
	}
	free, leased, active, live := map[fleet.GUID]int{}, 0, 0, len(s.Crawlers)
	coming := 0
	for _, c := range s.Crawlers {
		leased += c.Leased
		if drained[c.GUID] {
			continue
		}
		free[c.GUID] = c.Free()
		if c.State == reserved || c.State == starting {
			active++
			if !c.Proof {
				coming += c.Slots
			}
		}
		if c.State == serving {
			active++
		}
	}
	if plan.Stopped(s.Tenant) != nil {
		checkStopped(t, s, d, drained)
		return
	}
	p := s.Tenant.Plan
	require.LessOrEqual(t, active, max(p.MaxCrawlers, 0), "what the plan does not allow is drained")
	if len(d.Starts) > 0 {
		require.LessOrEqual(t, live+len(d.Starts), p.MaxCrawlers, "never over the plan")
	}
	checkTickets(t, s, d, free)
	if len(d.Grants) > 0 {
		require.LessOrEqual(t, leased+len(d.Grants), p.MaxSlots, "never over the plan's slots")
	}
	checkStarts(t, s, d, coming)
	checkAddresses(t, s, d)
}

// checkStopped: of a tenant that is suspended or at its spend cap nothing is granted or
// started, everything that serves or comes is drained, and every ticket says why it waits.
func checkStopped(t require.TestingT, s plan.State, d plan.Decisions, drained map[fleet.GUID]bool) {
	require.Empty(t, d.Starts)
	require.Empty(t, d.Grants)
	require.Empty(t, d.Fails)
	for _, c := range s.Crawlers {
		runs := c.State == serving || c.State == starting || c.State == reserved
		require.Equal(t, runs && !c.Proof, drained[c.GUID], "%s is %s", c.GUID, c.State)
	}
	for _, w := range s.Waiting {
		require.Equal(t, *plan.Stopped(s.Tenant), d.Waits[w.Ticket])
		require.Empty(t, plan.Route(s, w).GUID)
	}
	require.Equal(t, len(s.Waiting), d.Unmet)
}

// checkTickets: every ticket has one verdict, every grant a free slot, and every
// session one crawler.
func checkTickets(t require.TestingT, s plan.State, d plan.Decisions, free map[fleet.GUID]int) {
	session, unmet := map[fleet.SessionKey]fleet.GUID{}, 0
	for _, w := range s.Waiting {
		verdicts := 0
		if g, ok := d.Grants[w.Ticket]; ok {
			verdicts++
			free[g]--
			require.GreaterOrEqual(t, free[g], 0, "a free slot of a crawler that serves")
			require.False(t, w.Never && w.Avoid == g)
			require.True(t, fits(s, g, w.Place), "within the ticket's place")
			if w.Session != nil {
				k := w.Session.Key
				if other, two := session[k]; two {
					require.Equal(t, other, g, "two crawlers for session %s", k)
				}
				session[k] = g
				if b := s.Sessions[k]; b.Leases > 0 {
					require.Equal(t, b.GUID, g, "the session is still elsewhere")
				}
			}
		}
		if wait, ok := d.Waits[w.Ticket]; ok {
			verdicts++
			require.NotEmpty(t, wait.Message)
			if wait.Code != fleet.WaitStarting {
				unmet++
			}
			if wait.Code == fleet.WaitCooldown {
				require.True(t, wait.Until.After(s.Now))
				require.False(t, d.Wake.Until.After(wait.Until))
			}
		}
		if _, ok := d.Fails[w.Ticket]; ok {
			verdicts++
		}
		require.Equal(t, 1, verdicts, "ticket %s", w.Ticket)
	}
	require.Equal(t, unmet, d.Unmet)
	require.Equal(t, len(s.Waiting), len(d.Grants)+len(d.Waits)+len(d.Fails))
}

func fits(s plan.State, g fleet.GUID, p fleet.Place) bool {
	for _, c := range s.Crawlers {
		for _, o := range s.Offerings {
			if c.GUID == g && o.ID == c.Offering {
				return plan.Fits(o.Offering, p)
			}
		}
	}
	return len(p.Countries) == 0 // of an offering that is no longer there
}

// checkStarts: never more than demand, one start for a session at most and none
// while its crawler serves, nowhere that is full, cooling, or has too many launches.
func checkStarts(t require.TestingT, s plan.State, d plan.Decisions, coming int) {
	counting, promised := 0, 0
	for _, w := range d.Waits {
		if w.Code == fleet.WaitStarting {
			promised++
		}
	}
	sessions := map[fleet.SessionKey]bool{}
	at, byAccount, pinned := map[fleet.OfferingID]int{}, map[fleet.Account]int{}, map[string]bool{}
	for _, st := range d.Starts {
		require.Positive(t, st.Tickets, "a start that nobody waits for")
		require.LessOrEqual(t, st.Tickets, s.Tenant.Plan.SlotsPerCrawler)
		counting += st.Tickets
		at[st.Offering]++
		if st.Address != "" {
			require.False(t, pinned[st.Address], "one address twice")
			pinned[st.Address] = true
		}
		if st.Session == "" {
			continue
		}
		require.False(t, sessions[st.Session], "two starts for session %s", st.Session)
		sessions[st.Session] = true
		require.Zero(t, s.Sessions[st.Session].Leases, "session %s is still elsewhere", st.Session)
	}
	require.LessOrEqual(t, counting, promised)
	require.LessOrEqual(t, promised, counting+coming)
	for _, o := range s.Offerings {
		if n := at[o.ID]; n > 0 {
			byAccount[o.Account] += n
			require.True(t, o.Capacity == 0 || o.Running+n+o.Claimed <= o.Capacity, "over the capacity of %s", o.ID)
			require.True(t, s.UnplacedMax == 0 || byAccount[o.Account] <= s.UnplacedMax)
			for _, c := range s.Cooldowns {
				require.False(t, c.Scope.Offering == o.ID && c.Until.After(s.Now), "%s cools down", o.ID)
			}
		}
	}
}

func TestDecide_Invariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		checkInvariants(rt, anyState(func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(rt, label) }))
	})
}

// What Decide grants first, Route finds too, and what Route finds is free.
func TestRoute_Invariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := anyState(func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(rt, label) })
		waiting := plan.Order(s.Waiting)
		d := plan.Decide(s)
		s.Waiting = nil
		for i, w := range waiting {
			c := plan.Route(s, w)
			require.NotEmpty(rt, c.Reason)
			require.True(rt, c.GUID != "" || c.Fail != nil || c.Wait.Code != "")
			for _, x := range s.Crawlers {
				require.True(rt, x.GUID != c.GUID || x.Free() > 0)
			}
			if i == 0 && len(d.Drains) == 0 {
				require.Equal(rt, d.Grants[w.Ticket], c.GUID)
			}
		}
	})
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("a flood of tickets, two places, one of them cooling down, and sessions that were lost"))
	for i := range uint64(8) {
		f.Add(binary.BigEndian.AppendUint64(nil, i*0x9e3779b97f4a7c15))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		seed, i := uint64(len(data)), 0
		below := func(n int, _ string) int {
			if i < len(data) {
				i++
				return int(data[i-1]) % n
			}
			seed = seed*6364136223846793005 + 1442695040888963407 // goes on when the input ends
			return int(seed>>33) % n
		}
		checkInvariants(t, anyState(below))
	})
}
