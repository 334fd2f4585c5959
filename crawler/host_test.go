package crawler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestHost_IsSlowedDownAndRecovers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := &host{name: "h", delay: 100 * time.Millisecond}
	begun := now
	h.distress("status 429", begun, now, 0)
	require.Equal(t, time.Second, h.interval())
	require.Equal(t, now.Add(time.Second), h.next)
	require.Equal(t, "slowed down: status 429", h.notes())
	h.distress("status 429", begun.Add(-time.Millisecond), now, 0)
	require.Equal(t, time.Second, h.interval(), "what was under way says nothing new")
	for range 20 {
		now = now.Add(time.Minute)
		h.distress("status 503", now, now, 0)
	}
	require.Equal(t, time.Minute, h.interval())
	steps := 0
	for ; h.slow > 0; steps++ {
		h.relief()
	}
	require.Equal(t, 100*time.Millisecond, h.interval())
	require.Empty(t, h.notes())
	require.InDelta(t, 60, steps, 10, "by a tenth each time")
}

func TestHost_HoldIsToldOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWindow(0)
	h := &host{name: "h"}
	w.hosts["h"] = h
	uses, _ := w.uses(now, func(host string) string { return host })
	require.Empty(t, uses, "a host without an interval needs no turn and is no news")
	h.distress("status 503", now, now, time.Minute)
	require.Equal(t, now.Add(time.Minute), h.next)
	uses, of := w.uses(now, func(host string) string { return host })
	require.Equal(t, []fleet.HostUse{{
		Host: "h", Clock: "h", Interval: fleet.Duration(time.Second),
		Hold: fleet.Duration(time.Minute), Slow: fleet.Duration(time.Second), Distress: true,
		Note: "slowed down: status 503",
	}}, uses)
	require.Equal(t, []*host{h}, of)
	uses, _ = w.uses(now, func(host string) string { return host })
	require.Empty(t, uses)
}

// What another crawl of the tenant has come to with a host takes the place of what this one
// knew, unless the host has said something since.
func TestHost_LearnsFromOthers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := &host{delay: 100 * time.Millisecond}
	h.learn(8*time.Second, now)
	require.Equal(t, 8*time.Second, h.interval())
	require.Equal(t, "slowed down: by what it answered another ticket", h.notes())
	h.distress("status 503", now.Add(-time.Second), now, 0)
	require.Equal(t, 8*time.Second, h.interval(), "it was asked before")
	h.distressed = false
	h.learn(2*time.Second, now)
	require.Equal(t, 2*time.Second, h.interval(), "it has recovered there")
	h.learn(0, now)
	require.Equal(t, 100*time.Millisecond, h.interval())
	require.Empty(t, h.notes())
	h.learn(24*time.Hour, now)
	require.Equal(t, longestSlow, h.interval())

	h = &host{}
	h.distress("status 429", now, now, 0)
	h.learn(0, now)
	require.Equal(t, leastSlow, h.interval(), "it said so while the other's word was on its way")
}

// What a host waits for is sent before it may be asked again, and not with the batch.
func TestOutbox_IsSentBeforeAHostWaitsForIt(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := newOutbox(nil, fleet.ExchangeRequest{}, 10)
	o.add(fleet.PageResult{Outcome: fleet.PageFetched}, 0, now)
	due, at := o.due(now, load{held: 20})
	require.False(t, due)
	require.Equal(t, now.Add(flushAfter), at)
	o.hurry(now.Add(100 * time.Millisecond))
	o.hurry(now.Add(200 * time.Millisecond))
	due, at = o.due(now, load{held: 20})
	require.False(t, due)
	require.Equal(t, now.Add(100*time.Millisecond-flushAhead), at)
	due, _ = o.due(at, load{held: 20})
	require.True(t, due)
}

func TestHost_CrawlDelayIsCutAndSaid(t *testing.T) {
	t.Parallel()
	h := &host{delay: time.Second}
	h.obey(500*time.Millisecond, time.Minute)
	require.Equal(t, time.Second, h.interval())
	h.obey(5*time.Minute, time.Minute)
	require.Equal(t, time.Minute, h.interval())
	require.Equal(t, "Crawl-delay 5m0s is cut to 1m0s", h.notes())
}

// A request begins only where its interval ends within the turn, by the narrower of the
// two clocks: the beginning counts from the answer, the end from the question.
func TestTurn_IsKeptWithin(t *testing.T) {
	t.Parallel()
	sent := time.Now()
	now := sent.Add(300 * time.Millisecond) // a slow answer
	w := newWindow(time.Second)
	h := &host{name: "h", delay: time.Second, queued: 1}
	w.hosts["h"] = h
	_, ok := h.ready(now, true)
	require.False(t, ok, "no turn yet")
	_, of := w.uses(now, func(host string) string { return host })
	w.took([]fleet.HostTurn{{
		Host: "h", From: fleet.Duration(100 * time.Millisecond), Until: fleet.Duration(3 * time.Second),
	}}, of, sent, now)
	at, ok := h.ready(now, true)
	require.True(t, ok)
	require.Equal(t, now.Add(100*time.Millisecond), at)
	asked := 0
	for ; ok; at, ok = h.ready(now, true) {
		require.False(t, at.Add(time.Second).After(sent.Add(3*time.Second)))
		h.ask(at, 1)
		_, known := h.ready(now, true)
		require.False(t, known, "it is on its way")
		require.True(t, h.arrived(1, at))
		require.False(t, h.arrived(1, at.Add(time.Hour)), "once")
		asked++
	}
	require.Equal(t, 2, asked)
	h.next = now // the first request was long ago, and the turn is about to end
	_, ok = h.ready(sent.Add(2*time.Second), true)
	require.True(t, ok)
	_, ok = h.ready(sent.Add(2*time.Second+1), true)
	require.False(t, ok, "what begins now has no interval left")
	_, of = w.uses(now, func(host string) string { return host })
	require.Len(t, of, 1, "it asks for more")
	w.took([]fleet.HostTurn{{Host: "h", Again: fleet.Duration(time.Second)}}, of, now, now)
	_, of = w.uses(now, func(host string) string { return host })
	require.Len(t, of, 1, "and keeps its place")
	w.took(nil, of, now, now)
	_, ok = h.ready(now, w.turns)
	require.True(t, ok, "a data plane that knows no turns is an older one")
}

// A turn that others without an interval may have too is of no use to who learns that the
// host wants one.
func TestTurn_WithoutAnIntervalIsLeftForOne(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWindow(0)
	h := &host{name: "h", queued: 1}
	w.hosts["h"] = h
	same := func(host string) string { return host }
	_, of := w.uses(now, same)
	w.took([]fleet.HostTurn{{Host: "h", Until: fleet.Duration(time.Minute)}}, of, now, now)
	_, ok := h.ready(now, true)
	require.True(t, ok)
	require.False(t, h.needsTurn(now))
	h.obey(time.Second, time.Minute)
	_, ok = h.ready(now, true)
	require.False(t, ok)
	_, of = w.uses(now, same)
	require.Len(t, of, 1, "it asks for another")
	w.took([]fleet.HostTurn{{Host: "h", Until: fleet.Duration(time.Minute)}}, of, now, now)
	_, ok = h.ready(now, true)
	require.True(t, ok)
}
