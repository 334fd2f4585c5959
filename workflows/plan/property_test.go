package plan_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// anyState makes a state out of numbers below a limit.
func anyState(below func(n int, label string) int) plan.State {
	s := plan.State{
		Now: now, Sessions: map[fleet.SessionKey]plan.Session{}, Unplaced: map[fleet.Account]int{},
		UnplacedMax: below(4, "unplaced max"),
		Tenant: plan.Tenant{ID: "acme", State: fleet.TenantReady, Plan: fleet.Plan{
			MaxCrawlers: 1 + below(4, "crawlers"), SlotsPerCrawler: 1 + below(3, "slots"), MaxSlots: 1 + below(9, "max slots"),
		}},
	}
	switch below(8, "tenant") {
	case 0:
		s.Tenant.State, s.Tenant.Reason = fleet.TenantSuspended, []string{"", "unpaid"}[below(2, "reason")]
	case 1:
		s.Tenant.Held = &fleet.Wait{Code: fleet.WaitSpend, Message: "its cap is reached", Until: now.Add(time.Hour)}
	}
	for i := range below(4, "places") {
		p := place(string(rune('a'+i)), []string{"DE", "US"}[below(2, "country")], int64(below(3, "price")))
		p.Capacity, p.Pins = below(4, "capacity"), below(2, "pins") == 0
		p.Claimed = below(3, "claimed")
		p.Egress = []fleet.EgressKind{fleet.EgressOwn, fleet.EgressShared}[below(2, "egress")]
		for a := range below(4, "addresses") {
			p.Addresses = append(p.Addresses, fmt.Sprint("addr-", (a+i)%6))
		}
		s.Offerings = append(s.Offerings, p)
		if below(4, "cools") == 0 {
			cooling(fleet.Scoped{Offering: p.ID}, time.Duration(below(100, "until"))*time.Second)(&s)
		}
	}
	states := []fleet.CrawlerState{reserved, starting, serving, serving, draining, retired}
	for i := range below(6, "live") {
		o := fleet.OfferingID(rune('a' + below(4, "at")))
		c := plan.Crawler{State: states[below(len(states), "state")], Slots: 1 + below(3, "has"), Proof: below(8, "proof") == 0}
		if c.State != reserved && c.State != starting {
			c.Leased = below(c.Slots+1, "leased")
		}
		crawler(fleet.GUID(fmt.Sprint(i)), c.State, c.Leased, at(o), func(x *plan.Crawler) {
			x.Slots, x.Proof, x.Address = c.Slots, c.Proof, fmt.Sprint("addr-", below(6, "address"))
		})(&s)
	}
	for i := range below(3, "sessions") {
		k := fleet.SessionKey(fmt.Sprint("s", i))
		b := plan.Session{
			Key: k, GUID: fleet.GUID(fmt.Sprint(below(8, "bound"))), Offering: fleet.OfferingID(rune('a' + below(4, "bound at"))),
			Address: fmt.Sprint("addr-", below(8, "bound address")),
		}
		for _, c := range s.Crawlers {
			if c.GUID == b.GUID { // bound crawlers are where they are
				b.Offering, b.Address, b.Leases = c.Offering, c.Address, below(c.Leased+1, "bound leases")
			}
		}
		s.Sessions[k] = b
	}
	for i := range below(12, "waiting") {
		d := plan.Demand{
			Ticket: fleet.TicketID(fmt.Sprint("t", i)), Priority: 1 + below(5, "priority"),
			Since: now.Add(-time.Duration(below(5, "age")) * time.Second),
		}
		if below(2, "session") == 0 {
			d.Session = &fleet.Session{
				Key:    fleet.SessionKey(fmt.Sprint("s", below(4, "key"))),
				OnLoss: []fleet.LossPolicy{fleet.LossPreferred, fleet.LossRequired, fleet.LossFail}[below(3, "policy")],
			}
		}
		if below(4, "somewhere") == 0 {
			d.Place.Countries = []string{[]string{"DE", "US", "FR"}[below(3, "where")]}
		}
		switch {
		case d.Session != nil:
		case below(4, "an address") == 0:
			d.Place.Address = fmt.Sprint("addr-", below(7, "which"))
		case below(3, "fresh") == 0:
			d.Place.FreshAddress = true
		}
		d.Egress = anyEgress(below)
		d.Hosts = []string{[]string{"h", "i"}[below(2, "host")]}
		if below(4, "had") == 0 {
			d.Mine = fmt.Sprint("addr-", below(6, "mine"))
		}
		if below(5, "comes from") == 0 {
			d.Avoid, d.Never = fleet.GUID(fmt.Sprint(below(6, "avoid"))), below(2, "never") == 0
		}
		s.Waiting = append(s.Waiting, d)
	}
	return s
}

// anyEgress knows something of some addresses.
func anyEgress(below func(n int, label string) int) plan.Egress {
	e := plan.Egress{Banned: map[string]plan.Ban{}, Used: map[string]string{}, Slow: map[string]bool{}}
	for range below(4, "known addresses") {
		a := fmt.Sprint("addr-", below(6, "of"))
		switch below(3, "what") {
		case 0:
			e.Banned[a] = plan.Ban{Host: "h", Why: "status 429", Until: now.Add(time.Duration(1+below(90, "banned")) * time.Minute)}
		case 1:
			e.Used[a] = "h"
		case 2:
			e.Slow[a] = true
		}
	}
	return e
}

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

// clone makes a state that shares nothing with s, its lists in another order.
func clone(s plan.State, r *rand.Rand) plan.State {
	out := s
	out.Waiting = append([]plan.Demand(nil), s.Waiting...)
	out.Crawlers = append([]plan.Crawler(nil), s.Crawlers...)
	out.Offerings = append([]plan.Place(nil), s.Offerings...)
	out.Cooldowns = append([]fleet.Cooldown(nil), s.Cooldowns...)
	r.Shuffle(len(out.Waiting), func(i, j int) { out.Waiting[i], out.Waiting[j] = out.Waiting[j], out.Waiting[i] })
	r.Shuffle(len(out.Crawlers), func(i, j int) { out.Crawlers[i], out.Crawlers[j] = out.Crawlers[j], out.Crawlers[i] })
	r.Shuffle(len(out.Offerings), func(i, j int) { out.Offerings[i], out.Offerings[j] = out.Offerings[j], out.Offerings[i] })
	r.Shuffle(len(out.Cooldowns), func(i, j int) { out.Cooldowns[i], out.Cooldowns[j] = out.Cooldowns[j], out.Cooldowns[i] })
	return out
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
