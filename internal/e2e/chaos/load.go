package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
)

const (
	tenants = 4
	// Each tenant submits the next ticket after a pause between these two: some two at a time.
	gapLeast, gapMost = 2 * time.Second, 10 * time.Second
	// probes is the tenant of the tickets that tell when a fleet serves again.
	probes = fleet.TenantID("probe")
	// again is the pause before what Temporal did not take is asked again.
	again = 100 * time.Millisecond
)

// load is the tickets of a run.
type load struct {
	s   *stage
	all sync.WaitGroup

	mu      sync.Mutex
	tickets []e2e.Crawled
}

func tenant(i int) fleet.TenantID { return fleet.TenantID(fmt.Sprintf("t%d", i)) }

// open opens the accounts.
func (l *load) open(ctx context.Context) error {
	for i := range tenants + 1 {
		id, plan := tenant(i), fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2}
		if i == tenants {
			id = probes
		}
		if err := l.s.fleet.Client.StartTenant(ctx, fleet.TenantInput{Tenant: id, Plan: plan}); err != nil {
			return err
		}
	}
	for i := range tenants + 1 {
		id := tenant(i)
		if i == tenants {
			id = probes
		}
		if err := until(ctx, "tenant "+string(id), func() bool {
			t, err := l.s.fleet.Control.Tenant(ctx, id)
			return err == nil && t.State == fleet.TenantReady
		}); err != nil {
			return err
		}
	}
	return nil
}

// begin submits tickets until ctx ends.
func (l *load) begin(ctx context.Context, seed uint64) {
	for i := range tenants {
		l.all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+i)))
			for n := 0; ctx.Err() == nil; n++ {
				l.next(ctx, r, tenant(i), n)
				sleep(ctx, gapLeast+time.Duration(r.Int64N(int64(gapMost-gapLeast))))
			}
		})
	}
}

// next submits one ticket: a whole site, a part of it, one in a session, one that is
// cancelled a little later.
func (l *load) next(ctx context.Context, r *rand.Rand, t fleet.TenantID, n int) {
	in := l.input(t, fmt.Sprintf("k%d", n))
	expect := e2e.Crawled{Tenant: t, Ticket: in.ID, Outcome: fleet.OutcomeDone}
	var cancel time.Duration
	switch what, after := r.IntN(8), time.Duration(r.Int64N(int64(5*time.Second))); what {
	case 0, 1, 2:
		in.Scope.MaxPages = int64(1 + r.IntN(60))
		expect.Outcome, expect.Part = fleet.OutcomeLimited, true
	case 3:
		in.Session = &fleet.Session{Key: fleet.SessionKey(fmt.Sprintf("s%d", r.IntN(2))), OnLoss: fleet.LossPreferred}
	case 4:
		cancel = after
		expect.Outcome, expect.Part = "", true // it may have ended before
	}
	if !l.submit(ctx, in) {
		return
	}
	l.note(expect)
	if cancel > 0 {
		sleep(ctx, cancel)
		l.s.insist(func() bool {
			code := fleet.CodeOf(l.s.fleet.Client.CancelTicket(context.WithoutCancel(ctx), fleet.TicketWorkflowID(t, in.ID)))
			return code != fleet.CodeUnavailable && code != fleet.CodeTimeout
		})
	}
}

func (l *load) input(t fleet.TenantID, id string) fleet.TicketInput {
	return fleet.TicketInput{
		Tenant: t, ID: fleet.TicketID(id), URLs: []string{l.s.site.URL()},
		Scope: fleet.Scope{Hosts: l.s.site.Hosts()}, Fetch: fleet.FetchOptions{Delay: new(fleet.Duration)},
	}
}

// submit starts a ticket, and again while Temporal does not answer: its id allows that. It
// reports whether it was taken. What was tried once may have been taken, so it goes on even
// when the load has ended.
func (l *load) submit(ctx context.Context, in fleet.TicketInput) bool {
	if ctx.Err() != nil {
		return false
	}
	var err error
	l.s.insist(func() bool {
		_, err = l.s.fleet.Client.StartTicket(context.WithoutCancel(ctx), in)
		code := fleet.CodeOf(err)
		return err == nil || code != fleet.CodeUnavailable && code != fleet.CodeTimeout
	})
	if err != nil {
		l.s.say("ticket %s of %s was refused: %v", in.ID, in.Tenant, err)
	}
	return err == nil
}

func (l *load) note(c e2e.Crawled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tickets = append(l.tickets, c)
}

// probe submits a ticket of one page and gives how long after a moment it had ended.
func (l *load) probe(ctx context.Context, n int, since time.Time) (time.Duration, error) {
	in := l.input(probes, fmt.Sprintf("p%d", n))
	in.Scope.MaxPages = 1
	if !l.submit(ctx, in) {
		return 0, ctx.Err()
	}
	l.note(e2e.Crawled{Tenant: probes, Ticket: in.ID, Outcome: fleet.OutcomeLimited, Part: true})
	err := until(ctx, "the first ticket after a restart", func() bool {
		row, err := l.s.fleet.Control.Ticket(ctx, probes, in.ID)
		return err == nil && row.State == fleet.TicketEnded
	})
	return time.Since(since), err
}
