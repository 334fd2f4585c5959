package crawler

import (
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// ahead is how long before the last request of a turn it is prolonged: two exchanges.
	ahead = 2500 * time.Millisecond
	// soonest keeps a crawl that waits for its turn from asking all the time.
	soonest = 20 * time.Millisecond
)

// turn is a stretch of time in which a crawl may ask a host; see ADR 20. The zero value is
// none.
type turn struct {
	from, until time.Time
	waits       bool      // others are before us, and our place has to be kept
	shared      bool      // it may be: it was asked for without an interval, and is no good with one
	again       time.Time // when to ask for it next
}

// uses are what the data plane is told and asked of hosts with the next exchange, and the
// hosts in that order.
func (w *window) uses(now time.Time, clock func(host string) string) (uses []fleet.HostUse, of []*host) {
	for _, h := range w.hosts {
		u := fleet.HostUse{Host: h.name, Interval: fleet.Duration(h.interval()), Note: h.notes()}
		news := u != h.told && (u.Interval != 0 || u.Note != "" || h.told.Host != "")
		h.told, u.Hold = u, fleet.Duration(h.hold)
		h.hold = 0
		wanted := h.needsTurn(now)
		h.awaited = false
		if w.turns && (u.Hold > 0 || wanted) {
			u.Clock, u.Slow, u.Distress = clock(h.name), fleet.Duration(h.slow), h.distressed
			h.distressed = false
		} else if !news {
			continue
		}
		uses, of = append(uses, u), append(of, h)
		if len(uses) == maxWindow { // what one exchange may ask; the others are next
			break
		}
	}
	return uses, of
}

// needsTurn reports whether a turn should be asked for or prolonged, or a place kept.
func (h *host) needsTurn(now time.Time) bool {
	interval := h.interval()
	if h.queued == 0 && !h.awaited || h.blocked != "" {
		return false
	}
	return h.turn.waits || h.turn.shared && interval > 0 || h.turn.until.Before(now.Add(interval+ahead))
}

// took takes the answers to uses over: sent is when they were asked, which is before the
// data plane's clock was read, now when the answer came, which is after.
func (w *window) took(turns []fleet.HostTurn, of []*host, sent, now time.Time) {
	if len(of) > 0 && len(turns) != len(of) {
		w.turns = false // an older data plane
	}
	for i, t := range turns[:min(len(turns), len(of))] {
		h := of[i]
		switch {
		case t.Until > 0:
			if t.Slow != nil {
				h.learn(t.Slow.Std(), now)
			}
			h.turn.waits, h.turn.again = false, time.Time{}
			h.turn.from, h.turn.shared = now.Add(t.From.Std()), h.told.Interval == 0
			if until := sent.Add(t.Until.Std()); until.After(h.turn.until) {
				h.turn.until = until
			}
		case t.Again > 0:
			h.turn.waits = true
			h.turn.again = now.Add(max(t.Again.Std(), soonest))
		}
	}
	w.unpark()
}

// turnDue is when a turn has to be asked for, because there is nothing that may be done
// without one; the zero time is never.
func (w *window) turnDue(now time.Time) (at time.Time) {
	for _, l := range w.parked {
		if l.host.onWay != 0 {
			continue
		}
		again := l.host.turn.again
		if again.Before(now) {
			again = now
		}
		at = earlier(at, again)
	}
	return at
}
