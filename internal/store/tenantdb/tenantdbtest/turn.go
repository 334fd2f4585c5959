package tenantdbtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// use asks for a turn on the clock of a.test.
func use(interval time.Duration) func(*fleet.ExchangeRequest) {
	return func(r *fleet.ExchangeRequest) {
		r.Hosts = []fleet.HostUse{{Host: "a.test", Clock: "a.test", Interval: fleet.Duration(interval)}}
	}
}

// visitor begins a crawl of a.test for another ticket.
func (w *world) visitor(t *testing.T, id string) *claimant {
	t.Helper()
	c := w.claim(t, fleet.TicketID(id), 1, wide())
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("http://a.test/") }, want(1))
	c.claim.Work = a.Work
	return c
}

func turnAlone(t *testing.T, w *world) {
	c := w.visitor(t, "one")
	for range 5 { // it is given more before what it has runs out
		turns := c.exchange(t, use(time.Second)).Turns
		require.Len(t, turns, 1)
		require.Equal(t, "a.test", turns[0].Host)
		require.Zero(t, turns[0].From)
		require.Equal(t, fleet.Duration(4500*time.Millisecond), turns[0].Until)
		w.advance(time.Second)
	}
	long := c.exchange(t, use(time.Minute)).Turns[0]
	require.Greater(t, long.Until.Std(), 3*time.Minute, "several requests fit into a turn")
}

func turnByTurn(t *testing.T, w *world) {
	one, two := w.visitor(t, "one"), w.visitor(t, "two")
	first := one.exchange(t, use(time.Second)).Turns[0]
	waits := two.exchange(t, use(time.Second)).Turns[0]
	require.Zero(t, waits.Until)
	require.Equal(t, first.Until, waits.Again)
	w.advance(time.Second)
	require.Equal(t, first.Until-fleet.Duration(time.Second),
		one.exchange(t, use(time.Second)).Turns[0].Until, "not longer: another waits")
	two.exchange(t, use(time.Second))
	w.advance(2 * time.Second)
	two.exchange(t, use(time.Second))
	w.advance(2 * time.Second)
	require.Zero(t, one.exchange(t, use(time.Second)).Turns[0].Until, "the other's turn")
	require.Positive(t, two.exchange(t, use(time.Second)).Turns[0].Until)
	w.advance(time.Minute) // the one that waits is not heard of any more
	require.Positive(t, two.exchange(t, use(time.Second)).Turns[0].Until)
}

func turnHeld(t *testing.T, w *world) {
	one, two := w.visitor(t, "one"), w.visitor(t, "two")
	one.exchange(t, use(time.Second))
	two.exchange(t, func(r *fleet.ExchangeRequest) {
		use(time.Second)(r)
		r.Hosts[0].Hold = fleet.Duration(time.Minute) // it was asked before, and told to wait
	})
	require.Equal(t, fleet.Duration(time.Minute), one.exchange(t, use(time.Second)).Turns[0].From)
	w.advance(50 * time.Second)
	turn := one.exchange(t, use(time.Second)).Turns[0]
	require.Equal(t, fleet.Duration(10*time.Second), turn.From)
	require.Greater(t, turn.Until, turn.From)
}

// turnSlow: who has the turn says how slow the host is, and the next goes on from there;
// who waits only adds to it.
func turnSlow(t *testing.T, w *world) {
	slow := func(d time.Duration, distress bool) func(*fleet.ExchangeRequest) {
		return func(r *fleet.ExchangeRequest) {
			use(time.Second)(r)
			r.Hosts[0].Slow, r.Hosts[0].Distress = fleet.Duration(d), distress
		}
	}
	told := func(turn fleet.HostTurn, want time.Duration) {
		t.Helper()
		require.Positive(t, turn.Until)
		require.NotNil(t, turn.Slow)
		require.Equal(t, want, turn.Slow.Std())
	}
	one, two := w.visitor(t, "one"), w.visitor(t, "two")
	told(one.exchange(t, use(time.Second)).Turns[0], 0)
	require.Nil(t, one.exchange(t, slow(8*time.Second, true)).Turns[0].Slow, "it knows")
	two.exchange(t, use(time.Second))
	w.advance(30 * time.Second)
	turn := two.exchange(t, use(time.Second)).Turns[0]
	told(turn, 8*time.Second)
	require.Greater(t, turn.Until.Std(), 24*time.Second, "three requests fit into it")

	require.Nil(t, one.exchange(t, slow(20*time.Second, false)).Turns[0].Slow, "what it knew before is no news")
	two.exchange(t, slow(7*time.Second, false)) // it has recovered a little
	w.advance(2 * time.Second)
	one.exchange(t, slow(9*time.Second, false))
	w.advance(turn.Until.Std() - 2*time.Second)
	told(one.exchange(t, slow(9*time.Second, false)).Turns[0], 7*time.Second)

	two.exchange(t, slow(14*time.Second, true)) // a late answer, and one is not heard of again
	w.advance(time.Minute)
	three := w.visitor(t, "three")
	told(three.exchange(t, use(time.Second)).Turns[0], 14*time.Second)
	three.exchange(t, slow(14*time.Second, false))
	w.advance(11 * time.Minute)
	told(one.exchange(t, use(time.Second)).Turns[0], 0) // it is forgiven by now
}

// turnShared: who has no interval does not wait for others who have none, and all of them
// wait for one who has.
func turnShared(t *testing.T, w *world) {
	one, two, polite := w.visitor(t, "one"), w.visitor(t, "two"), w.visitor(t, "polite")
	ask := func(c *claimant, interval time.Duration) fleet.HostTurn { return c.exchange(t, use(interval)).Turns[0] }
	require.Positive(t, ask(one, 0).Until)
	w.advance(time.Second)
	ends := ask(two, 0).Until
	require.Equal(t, fleet.Duration(4500*time.Millisecond), ends, "nobody else has come")
	require.Equal(t, ends, ask(polite, time.Second).Again)
	require.Zero(t, ask(one, 0).Until, "others wait")
	require.Zero(t, ask(one, time.Second).Until, "with an interval it cannot be shared")
	require.Equal(t, fleet.NextEnd, two.report(t, fetched(two.claim.Work[0])).Next)
	require.Equal(t, ends, ask(polite, time.Second).Again, "one may be at it still")

	later := func() { // and everybody keeps the place
		for range 2 {
			w.advance(2 * time.Second)
			ask(polite, time.Second)
			ask(one, 0)
		}
		w.advance(500 * time.Millisecond)
	}
	later()
	turn := ask(polite, time.Second)
	require.Positive(t, turn.Until)
	require.Equal(t, turn.Until, ask(one, 0).Again)
	later()
	require.Zero(t, ask(polite, time.Second).Until)
	turn = ask(one, 0)
	require.Positive(t, turn.Until)
	again := w.claim(t, "one", 2, wide()) // its crawler was lost: nobody's interval is at stake
	require.Zero(t, ask(again, 0).Until, "who waits was here before")
	w.advance(4 * time.Second) // and is not heard of any more
	require.Positive(t, ask(again, 0).Until)
	require.Positive(t, ask(w.visitor(t, "three"), 0).Until)
}

// turnLeft: an ended crawl leaves the clock to the next after its last interval, a lost
// one when its turn is over.
func turnLeft(t *testing.T, w *world) {
	one, two := w.visitor(t, "one"), w.visitor(t, "two")
	one.exchange(t, use(time.Second))
	a := one.report(t, fetched(one.claim.Work[0]))
	require.Equal(t, fleet.NextEnd, a.Next)
	require.Equal(t, fleet.Duration(time.Second), two.exchange(t, use(time.Second)).Turns[0].Again)
	w.advance(time.Second)
	require.Positive(t, two.exchange(t, use(time.Second)).Turns[0].Until)

	again := w.claim(t, "two", 2, wide()) // the crawler was lost: it may still be at it
	require.Zero(t, again.exchange(t, use(time.Second)).Turns[0].Until)
	w.advance(4500 * time.Millisecond)
	require.Positive(t, again.exchange(t, use(time.Second)).Turns[0].Until)
}

// turnsApart lets several crawls come and go at random: no two turns overlap, and each
// crawl that goes on asking comes to its own.
func turnsApart(t *testing.T, w *world) {
	const crawls = 4
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same run each time
	var all []*claimant
	for i := range crawls {
		all = append(all, w.visitor(t, fmt.Sprint("t", i)))
	}
	holder, ends, turns := -1, w.clock(), [crawls]int{}
	for range 2000 {
		w.advance(time.Duration(random.IntN(700)) * time.Millisecond)
		i := random.IntN(crawls)
		turn := all[i].exchange(t, use(time.Duration(1+random.IntN(3))*500*time.Millisecond)).Turns[0]
		if turn.Until == 0 {
			require.Positive(t, turn.Again)
			continue
		}
		from := w.clock().Add(turn.From.Std())
		if holder != i {
			require.False(t, from.Before(ends), "the turn of %d begins in that of %d", i, holder)
			turns[i]++
		}
		holder, ends = i, w.clock().Add(turn.Until.Std())
	}
	for i, n := range turns {
		require.Greater(t, n, 10, "crawl %d", i)
	}
}

func pace(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "http://a.test/", "http://b.test/1", "http://b.test/2", "http://c.test/")
	p, err := w.Pace(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Zero(t, p)
	a = c.exchange(t, with(fetched(a.Work[0], "http://b.test/3")), func(r *fleet.ExchangeRequest) {
		r.Hosts = []fleet.HostUse{
			{Host: "b.test", Interval: fleet.Duration(2 * time.Second)},
			{Host: "c.test", Interval: fleet.Duration(3 * time.Second), Note: "slowed down: status 429"},
		}
	})
	require.Len(t, a.Turns, 2)
	require.Zero(t, a.Turns[0].Until, "it was only told of")
	p, err = w.Pace(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Equal(t, fleet.Pace{Left: fleet.Duration(6 * time.Second), Hosts: []fleet.HostRow{
		{
			Host: "b.test", InFlight: 3,
			Interval: fleet.Duration(2 * time.Second), Left: fleet.Duration(6 * time.Second),
		},
		{
			Host: "c.test", InFlight: 1, Note: "slowed down: status 429",
			Interval: fleet.Duration(3 * time.Second), Left: fleet.Duration(3 * time.Second),
		},
	}}, p)
	_, err = w.Close(t.Context(), tenant, ticket, fleet.OutcomeCancelled, "")
	require.NoError(t, err)
	p, err = w.Pace(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Zero(t, p.Left)
	require.Equal(t, "slowed down: status 429", p.Hosts[0].Note)
	require.Len(t, p.Hosts, 1)
}
