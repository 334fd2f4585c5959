package dataplane

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// recheckAfter is how often a crawler's address is compared with what is declared
	// while it stays the same; one that changes is compared at once.
	recheckAfter = 3 * time.Minute
	// recheckSoon is after a comparison that failed, and compareWithin bounds one: batches
	// must not wait for a control store that is away.
	recheckSoon   = 10 * time.Second
	compareWithin = 2 * time.Second
	// flushSoon is when refusals are written, so that a ban is known before the next
	// ticket; flushLate when there are none.
	flushSoon = time.Second
	flushLate = 10 * time.Second
	// flushWithin bounds one write.
	flushWithin = 10 * time.Second
	// sightsMost bounds what is held: more hosts at one time are not remembered.
	sightsMost = 10_000
)

// Sights keeps what crawlers are seen to come from and what hosts answer them, and writes
// it from time to time. What a kill of the process loses is seconds of it; the hosts
// repeat themselves. It is safe for concurrent use.
type Sights struct {
	desk fleet.EgressDesk
	log  *zap.Logger

	mu      sync.Mutex
	pending map[sight]*fleet.EgressSight
	refused bool      // something pending is a refusal
	since   time.Time // of the first pending
	seen    map[fleet.GUID]seen

	stop func()
	done chan struct{}
}

// sight is what is summed.
type sight struct {
	tenant        fleet.TenantID
	guid          fleet.GUID
	host, address string
}

// seen is where a crawler came from when that was compared last.
type seen struct {
	address string
	at      time.Time
}

// NewSights makes the memory of one data plane.
func NewSights(desk fleet.EgressDesk, log *zap.Logger) *Sights {
	if log == nil {
		log = zap.NewNop()
	}
	return &Sights{
		desk: desk, log: log, pending: map[sight]*fleet.EgressSight{}, seen: map[fleet.GUID]seen{},
	}
}

// Start writes in the background until Stop.
func (s *Sights) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		tick := time.NewTicker(flushSoon)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if s.due(now) {
					s.flush(ctx)
				}
			}
		}
	}()
}

// Stop writes what there is.
func (s *Sights) Stop(ctx context.Context) {
	if s.stop == nil {
		return
	}
	s.stop()
	<-s.done
	s.flush(ctx)
}

func (s *Sights) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) > 0 && (s.refused || now.Sub(s.since) >= flushLate)
}

// flush writes in one transaction. What cannot be written is dropped: it is old by the
// time that it could be.
func (s *Sights) flush(ctx context.Context) {
	s.mu.Lock()
	all := make([]fleet.EgressSight, 0, len(s.pending))
	for _, x := range s.pending {
		all = append(all, *x)
	}
	clear(s.pending)
	s.refused = false
	s.mu.Unlock()
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	if err := s.desk.Sighted(ctx, all); err != nil {
		s.log.Warn("what hosts answered is not remembered", zap.Int("sights", len(all)), zap.Error(err))
	}
}

// pages sums what a batch says of the crawler's address.
func (s *Sights) pages(c caller, pages []fleet.PageResult, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pages {
		if p.Status == 0 && p.Outcome != fleet.PageBlocked {
			continue // nothing answered
		}
		k := sight{c.Tenant, c.GUID, fleet.HostOf(p.URL), c.address}
		x := s.pending[k]
		if x == nil {
			if len(s.pending) >= sightsMost {
				continue
			}
			if len(s.pending) == 0 {
				s.since = now
			}
			x = &fleet.EgressSight{Tenant: k.tenant, GUID: k.guid, Host: k.host, Address: c.address}
			s.pending[k] = x
		}
		x.Pages++
		x.Took += p.Took.Std()
		if why := p.Refusal(); why != "" {
			x.Refused++
			x.Why, s.refused = why, true
			if p.Outcome == fleet.PageBlocked {
				x.Challenged++
			}
		}
	}
}

// from compares where a crawler comes from with what is declared: when that changes, and
// every few minutes. It never fails a call: what cannot be compared now is by a later one.
func (s *Sights) from(ctx context.Context, c caller, now time.Time) {
	s.mu.Lock()
	was, known := s.seen[c.GUID]
	if known && was.address == c.address && now.Sub(was.at) < recheckAfter {
		s.mu.Unlock()
		return
	}
	if len(s.seen) >= sightsMost { // of crawlers that are long gone, mostly
		clear(s.seen)
	}
	s.seen[c.GUID] = seen{c.address, now}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, compareWithin)
	defer cancel()
	if err := s.desk.Observed(ctx, c.GUID, c.address); err != nil {
		s.log.Warn("a crawler's address could not be compared", zap.String("guid", string(c.GUID)), zap.Error(err))
		s.mu.Lock()
		s.seen[c.GUID] = seen{c.address, now.Add(recheckSoon - recheckAfter)}
		s.mu.Unlock()
	}
}

// nowhere is the address in the gateway's own questions: no crawler stands behind them.
const nowhere = "0.0.0.0"

// located notes where the caller is.
func (h *Handler) located(ctx context.Context, c caller) {
	if h.o.Sights != nil && c.address != nowhere {
		h.o.Sights.from(ctx, c, time.Now())
	}
}

// witnessed writes into each page that was fetched where from, whatever the crawler says.
func (c caller) witnessed(pages []fleet.PageResult) {
	for i := range pages {
		if p := &pages[i]; p.Address != "" || !p.FetchedAt.IsZero() {
			p.Address = c.address
		}
	}
}
