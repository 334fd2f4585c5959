package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

func pooled(all ...string) func(*plan.Place) { return func(p *plan.Place) { p.Addresses = all } }
func banned(all ...string) func(*plan.Demand) {
	return func(d *plan.Demand) {
		d.Hosts, d.Egress.Banned = []string{"h"}, map[string]plan.Ban{}
		for i, a := range all {
			d.Egress.Banned[a] = plan.Ban{Host: "h", Why: "status 429", Until: now.Add(time.Duration(i+1) * time.Hour)}
		}
	}
}

func usedAt(all ...string) func(*plan.Demand) {
	return func(d *plan.Demand) {
		d.Place.FreshAddress, d.Hosts, d.Egress.Used = true, []string{"h"}, map[string]string{}
		for _, a := range all {
			d.Egress.Used[a] = "h"
		}
	}
}

func slow(a string) func(*plan.Demand) {
	return func(d *plan.Demand) { d.Egress.Slow = map[string]bool{a: true} }
}
func asks(a string) func(*plan.Demand) { return func(d *plan.Demand) { d.Place.Address = a } }
func onLoss(l fleet.LossPolicy) func(*plan.Demand) {
	return func(d *plan.Demand) { d.Session = &fleet.Session{Key: "s", OnLoss: l} }
}

// What a place, a crawler and a ticket's wishes come to: one start at most.
func TestDecide_Addresses(t *testing.T) {
	t.Parallel()
	type verdict struct {
		grant   fleet.GUID
		start   fleet.OfferingID
		address string
		wait    fleet.WaitCode
		until   time.Duration
		fails   string // field
		says    string // part of the reason
	}
	for name, c := range map[string]struct {
		s    plan.State
		d    plan.Demand
		want verdict
	}{
		"a free slot with a banned address is passed over": {
			state(crawler("1", serving, 0), crawler("2", serving, 1)), demand(banned("addr-1")),
			verdict{grant: "2"},
		},
		"another address is started": {
			state(crawler("1", serving, 0), atPlace("a", pooled("addr-1", "addr-9"))), demand(banned("addr-1")),
			verdict{start: "a", address: "addr-9", says: "which is not banned there"},
		},
		"the next place, for every address of the first is banned": {
			state(atPlace("a", pooled("x", "y")), atPlace("b", pooled("z"))), demand(banned("x", "y")),
			verdict{start: "b", address: "z", says: "the next in price, for a is passed over: none of its 2 addresses will do: its address x is banned at h until 11:00:00 (status 429)"},
		},
		"all are banned: until the first is not": {
			state(atPlace("a", pooled("x")), atPlace("b", pooled("z"))), demand(banned("z", "x")),
			verdict{wait: fleet.WaitBanned, until: time.Hour},
		},
		"a shared place with one banned address": {
			state(atPlace("a", shared), atPlace("a", pooled("x"))), demand(banned("x")),
			verdict{start: "b"},
		},
		"a shared place of which one is banned": {
			state(atPlace("a", shared), atPlace("a", pooled("x", "y"))), demand(banned("x")),
			verdict{start: "a"},
		},
		"addresses that nobody knows": {state(atPlace("a", noPins)), demand(banned("x")), verdict{start: "a"}},
		"the plan has no room: the ban is waited for": {
			state(limits(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2, MaxSlots: 2}), crawler("1", serving, 0)),
			demand(banned("addr-1")),
			verdict{wait: fleet.WaitBanned, until: time.Hour},
		},
		"a slow one comes last": {
			state(crawler("1", serving, 0), crawler("2", serving, 1)), demand(slow("addr-1")),
			verdict{grant: "2"},
		},
		"a slow one is better than none": {state(crawler("1", serving, 0)), demand(slow("addr-1")), verdict{grant: "1"}},

		"an unused one": {
			state(crawler("1", serving, 0), atPlace("a", pooled("addr-1", "x"))), demand(usedAt("addr-1")),
			verdict{start: "a", address: "x", says: "which was not used there before"},
		},
		"an unused one that serves": {state(crawler("1", serving, 0), crawler("2", serving, 0)), demand(usedAt("addr-1")), verdict{grant: "2"}},
		"none is left":              {state(atPlace("a", pooled("x")), atPlace("b", pooled("y"))), demand(usedAt("x", "y")), verdict{fails: "place.freshAddress"}},
		"none is known":             {state(atPlace("a", noPins), atPlace("b", noPins)), demand(usedAt("x")), verdict{fails: "place.freshAddress"}},
		"the unused one is in use": {
			state(atPlace("a", pooled("x", "y")), atPlace("a", taken("y")), atPlace("b", pooled("x"))), demand(usedAt("x")),
			verdict{wait: fleet.WaitAddress},
		},
		"its own from before": {
			state(crawler("1", serving, 0)), demand(usedAt("addr-1"), func(d *plan.Demand) { d.Mine = "addr-1" }),
			verdict{grant: "1"},
		},
		"unused and banned": {
			state(atPlace("a", pooled("x", "y")), atPlace("b", pooled("y"))), demand(usedAt("x"), func(d *plan.Demand) {
				d.Egress.Banned = map[string]plan.Ban{"y": {Host: "h", Until: now.Add(time.Hour), Why: "status 403"}}
			}),
			verdict{wait: fleet.WaitBanned, until: time.Hour},
		},

		"the address that it asks for":          {state(atPlace("b", pooled("x", "y"))), demand(asks("y")), verdict{start: "b", address: "y"}},
		"at the place that lists it":            {state(atPlace("a", pooled("x")), atPlace("b", pooled("x", "y"))), demand(asks("y")), verdict{start: "b", address: "y"}},
		"on the crawler that has it":            {state(crawler("1", serving, 0), crawler("2", serving, 1)), demand(asks("addr-2")), verdict{grant: "2"}},
		"it is banned":                          {state(atPlace("a", pooled("x")), atPlace("b", pooled("x"))), demand(asks("x"), banned("x")), verdict{wait: fleet.WaitBanned, until: time.Hour}},
		"no place has it":                       {state(atPlace("a", pooled("x")), atPlace("b", pooled("y"))), demand(asks("z")), verdict{fails: "place.address"}},
		"a shared place has no other":           {state(atPlace("a", shared), atPlace("a", pooled("x")), atPlace("b", pooled("y"))), demand(asks("x")), verdict{start: "a"}},
		"a shared place cannot be asked for it": {state(atPlace("a", shared), atPlace("a", pooled("x", "y")), atPlace("b", pooled("z"))), demand(asks("x")), verdict{fails: "place.address"}},

		"a session's address is banned, preferred": {
			state(crawler("1", serving, 0), session("1", 0), atPlace("a", pooled("addr-1", "x"))), demand(onLoss(fleet.LossPreferred), banned("addr-1")),
			verdict{start: "a", address: "x"},
		},
		"preferred, and others of it run there": {
			state(crawler("1", serving, 1), session("1", 1)), demand(onLoss(fleet.LossPreferred), banned("addr-1")),
			verdict{wait: fleet.WaitBanned, until: time.Hour},
		},
		"required": {
			state(crawler("1", serving, 0), session("1", 0)), demand(onLoss(fleet.LossRequired), banned("addr-1")),
			verdict{wait: fleet.WaitBanned, until: time.Hour},
		},
		"fail": {
			state(crawler("1", serving, 0), session("1", 0)), demand(onLoss(fleet.LossFail), banned("addr-1")),
			verdict{fails: "session"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.s.Waiting = []plan.Demand{c.d}
			d := plan.Decide(c.s)
			got := verdict{grant: d.Grants["t"], wait: d.Waits["t"].Code, says: c.want.says}
			if got.wait == fleet.WaitStarting {
				got.wait = ""
			}
			if !d.Waits["t"].Until.IsZero() {
				got.until = d.Waits["t"].Until.Sub(now)
				require.Equal(t, d.Waits["t"].Until, d.Wake.Until, "it decides again then")
			}
			for _, s := range d.Starts {
				got.start, got.address = s.Offering, s.Address
				require.Contains(t, s.Reason, c.want.says)
			}
			if e := d.Fails["t"]; e != nil {
				got.fails = e.Field
			}
			require.Equal(t, c.want, got, d.Waits["t"].Message)
		})
	}
}

// Two tickets that want an unused address at one host never get the same in one decision.
func TestDecide_FreshAddressesOfOneDecisionDiffer(t *testing.T) {
	t.Parallel()
	s := state(crawler("1", serving, 0), atPlace("a", pooled("addr-1", "x")), atPlace("b", pooled("y")))
	for _, id := range []fleet.TicketID{"t1", "t2", "t3"} {
		d := demand(usedAt())
		d.Ticket = id
		s.Waiting = append(s.Waiting, d)
	}
	d := plan.Decide(s)
	require.Equal(t, map[fleet.TicketID]fleet.GUID{"t1": "1"}, d.Grants)
	require.Len(t, d.Starts, 2)
	require.Equal(t, "x", d.Starts[0].Address)
	require.Equal(t, "y", d.Starts[1].Address)
}

// The places of several providers, cheapest first, and why each is passed over.
func TestDecide_FailsOverAcrossProviders(t *testing.T) {
	t.Parallel()
	at := func(provider fleet.ProviderKind, country string, price int64) plan.Place {
		p := place(string(provider)+"/x", country, price)
		p.Provider, p.Account = provider, fleet.Account(provider)
		return p
	}
	all := func() []plan.Place {
		return []plan.Place{at("nomad", "HR", 10), at("docker", "DE", 20), at("process", "DE", 30)}
	}
	for name, c := range map[string]struct {
		change func(*plan.State)
		d      plan.Demand
		want   fleet.OfferingID
		says   string
	}{
		"the cheapest": {func(*plan.State) {}, demand(), "nomad/x", "the cheapest place that fits"},
		"full":         {atPlace("nomad/x", full), demand(), "docker/x", "nomad/x is full (1 of 1)"},
		"a place cools down after a capacity error": {
			cooling(fleet.Scoped{Offering: "nomad/x"}, time.Minute), demand(), "docker/x", "nomad/x is cooling down until 10:01:00 (no room)",
		},
		"an account after a quota error": {
			cooling(fleet.Scoped{Account: "nomad"}, time.Minute), demand(), "docker/x", "nomad/x is cooling down",
		},
		"two are out": {
			func(s *plan.State) {
				atPlace("nomad/x", full)(s)
				cooling(fleet.Scoped{Account: "docker"}, time.Minute)(s)
			}, demand(), "process/x", "nomad/x is full (1 of 1), docker/x is cooling down",
		},
		"too many launches": {
			func(s *plan.State) { s.Unplaced, s.UnplacedMax = map[fleet.Account]int{"nomad": 2}, 2 },
			demand(), "docker/x", "nomad/x is waiting for 2 launches of account nomad",
		},
		"a country": {func(*plan.State) {}, demand(func(d *plan.Demand) { d.Place.Countries = []string{"DE"} }), "docker/x", "the cheapest place that fits"},
		"a provider": {
			func(*plan.State) {}, demand(func(d *plan.Demand) { d.Place.Providers = []fleet.ProviderKind{"process"} }),
			"process/x", "the cheapest place that fits",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := state()
			s.Offerings = all()
			c.change(&s)
			s.Waiting, s.Explain = []plan.Demand{c.d}, true
			d := plan.Decide(s)
			require.Len(t, d.Starts, 1, d.Waits["t"].Message)
			require.Equal(t, c.want, d.Starts[0].Offering)
			require.Contains(t, d.Starts[0].Reason, c.says)
			told := plan.Route(s, c.d).Candidates
			require.Len(t, told, 3, "each place of each provider")
			for _, k := range told {
				require.NotEmpty(t, k.Reason)
				require.Equal(t, k.Offering == c.want, k.Chosen)
			}
		})
	}
}
