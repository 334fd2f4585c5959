package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// kind is what is done to the fleet.
type kind int

const (
	killCrawler kind = iota + 1
	killWorker
	killServer
	killAll
	terminateConductor
)

func (k kind) String() string {
	switch k {
	case killCrawler:
		return "kill a crawler"
	case killWorker:
		return "kill the control worker"
	case killServer:
		return "kill the Temporal server"
	case killAll:
		return "kill everything"
	case terminateConductor:
		return "terminate a Conductor"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// deed is one step of a run.
type deed struct {
	pause time.Duration // before it
	kind  kind
	pick  uint64        // of several crawlers or tenants: this one modulo their number
	away  time.Duration // before it is started again
}

func (d deed) String() string {
	if d.away == 0 {
		return d.kind.String()
	}
	return fmt.Sprintf("%s for %s", d.kind, d.away)
}

const (
	// Pauses let a fleet heal at times, and at times do not.
	pauseLeast = 500 * time.Millisecond
	pauseMost  = 12 * time.Second

	outage = 20 * time.Second
	// Longer outages belong to runs that have the time for them.
	longOutage, longFrom         = 3 * time.Minute, 20 * time.Minute
	longestOutage, longestFrom   = 15 * time.Minute, 45 * time.Minute
	outageAt, everythingDownAway = 3, 2 * time.Second
)

// weights are how often each is done, out of their sum.
var weights = []struct {
	kind   kind
	weight int
}{
	{killCrawler, 9}, {killWorker, 5}, {killServer, 3}, {killAll, 1}, {terminateConductor, 2},
}

// plan is the whole run, from its seed alone.
func plan(seed uint64, length time.Duration) (deeds []deed) {
	r := rand.New(rand.NewPCG(seed, 1))
	for left := length; ; {
		d := deed{
			pause: pauseLeast + time.Duration(r.Int64N(int64(pauseMost-pauseLeast))),
			kind:  draw(r), pick: r.Uint64(),
		}
		switch coin := r.IntN(outageAt); {
		case d.kind == killServer && coin == 0:
			d.away = outage
		case d.kind == killAll:
			d.away = everythingDownAway
		}
		if left -= d.pause + d.away; left < 0 {
			return long(r, deeds, length)
		}
		deeds = append(deeds, d)
	}
}

// long adds the outages that a long run has time for.
func long(r *rand.Rand, deeds []deed, length time.Duration) []deed {
	for _, o := range []struct{ away, from time.Duration }{{longOutage, longFrom}, {longestOutage, longestFrom}} {
		if length < o.from || len(deeds) == 0 {
			continue
		}
		at := r.IntN(len(deeds))
		deeds[at].kind, deeds[at].away = killServer, o.away
	}
	return deeds
}

func draw(r *rand.Rand) kind {
	sum := 0
	for _, w := range weights {
		sum += w.weight
	}
	n := r.IntN(sum)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			return w.kind
		}
	}
	return killCrawler // not reached: the weights are the sum
}
