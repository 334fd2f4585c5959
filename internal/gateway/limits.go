package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what one crawler may ask of the control side. A crawler with 64 slots at
// full speed stays well below each of them.
type Limits struct {
	// Rate is how many requests a second a crawler may make over time; default 500.
	Rate float64
	// AtOnce is how many of its requests may be under way; default 256.
	AtOnce int
	// Polls is how many of those may be polls for tasks; default 16. Each one that is open
	// counts against the server's limit for the whole namespace.
	Polls int
	// Message is the most bytes of a message to Temporal; default 1 MiB. Results are counters:
	// pages go to the data plane.
	Message int
	// Payload is the most bytes of a result, a failure or a heartbeat's details; default
	// 256 KiB.
	Payload int
	// Body is the most bytes of a message to the data plane; default 64 MiB, its own.
	Body int64
	// Knocks is how many bootstraps a second are taken from one address; default 50: a
	// hundred crawlers of one host at a time are let in.
	Knocks float64
}

// The bursts are what comes at once after a pause: a start of many tickets, the crawlers
// of a host together.
const (
	rateBurst  = 4
	knockBurst = 10
)

func (l Limits) withDefaults() Limits {
	set := func(n *int, byDefault int) {
		if *n <= 0 {
			*n = byDefault
		}
	}
	if l.Rate <= 0 {
		l.Rate = 500
	}
	if l.Knocks <= 0 {
		l.Knocks = 50
	}
	if l.Body <= 0 {
		l.Body = 64 << 20
	}
	set(&l.AtOnce, 256)
	set(&l.Polls, 16)
	set(&l.Message, 1<<20)
	set(&l.Payload, 256<<10)
	return l
}

// limiters are those of many callers, each forgotten when it has been away for long enough
// to be as good as new.
type limiters struct {
	per   rate.Limit
	burst int

	mu    sync.Mutex
	by    map[string]*rate.Limiter
	swept time.Time
}

// sweepEvery is how often limiters that are full again are forgotten.
const sweepEvery = time.Minute

func newLimiters(per float64, burst int) *limiters {
	return &limiters{per: rate.Limit(per), burst: max(burst, 1), by: map[string]*rate.Limiter{}}
}

func (l *limiters) allow(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > sweepEvery {
		for name, one := range l.by {
			if one.TokensAt(now) >= float64(l.burst) {
				delete(l.by, name)
			}
		}
		l.swept = now
	}
	one, ok := l.by[who]
	if !ok {
		one = rate.NewLimiter(l.per, l.burst)
		l.by[who] = one
	}
	return one.AllowN(now, 1)
}
