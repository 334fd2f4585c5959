package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

const (
	// pageDelay makes a whole site last some seconds, so that deeds meet crawls.
	pageDelay = 100 * time.Millisecond
	// restWithin is how long after the last deed everything may take to end.
	restWithin = 10 * time.Minute
	// lookEvery is the pause between two looks at local rows.
	lookEvery = 50 * time.Millisecond
)

// stage is a fleet under load, to which things are done.
type stage struct {
	fleet *e2e.Fleet
	site  *sample.Site
	load  *load
	seed  uint64
	out   io.Writer
	began time.Time
	kills int // crawls that lost their crawler
	first []time.Duration
	mu    sync.Mutex // of out
}

func newStage(f *e2e.Fleet, seed uint64, out io.Writer) *stage {
	s := &stage{fleet: f, site: sample.New(sample.Options{PageDelay: pageDelay}), seed: seed, out: out}
	s.load = &load{s: s}
	return s
}

func (s *stage) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Since(s.began).Truncate(time.Second)
	_, _ = fmt.Fprintf(s.out, "%7s  %s\n", at, fmt.Sprintf(format, args...))
}

// run plays the deeds and judges what is left.
func (s *stage) run(ctx context.Context, deeds []deed) (v e2e.Verdict, err error) {
	s.began = time.Now()
	if err := s.site.Start(ctx); err != nil {
		return v, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.site.Stop(ending) // nobody asks it any more
	}()
	if err := s.load.open(ctx); err != nil {
		return v, err
	}
	witness := s.fleet.Watch(ctx)
	loading, stop := context.WithCancel(ctx)
	s.load.begin(loading, s.seed)
	for i, d := range deeds {
		sleep(ctx, d.pause)
		if err = s.do(ctx, i, d); err != nil || ctx.Err() != nil {
			err = errors.Join(err, ctx.Err())
			break
		}
	}
	stop()
	s.load.all.Wait()
	if err == nil {
		err = s.rest(ctx)
	}
	alive := witness.Alive()
	if err != nil {
		return v, err
	}
	return s.judge(ctx, alive)
}

// do does one deed, and waits until the fleet serves again where that took it down.
func (s *stage) do(ctx context.Context, n int, d deed) error {
	f := s.fleet
	s.say("%s", d)
	switch d.kind {
	case killCrawler:
		return s.crawler(ctx, d.pick)
	case terminateConductor:
		t := tenant(int(d.pick % tenants))
		// Most of the time there is none, which is an error of no interest.
		_ = f.Client.Temporal().TerminateWorkflow(ctx, fleet.ConductorWorkflowID(t), "", "chaos")
		return nil
	case killWorker:
		f.Worker.Kill()
		return s.back(ctx, n, d, f.StartWorker)
	case killServer:
		f.Server.Kill()
		return s.back(ctx, n, d, f.StartServer)
	default:
		s.lose(ctx, "")
		if err := f.KillAll(); err != nil {
			return err
		}
		return s.back(ctx, n, d, f.StartAll)
	}
}

// back starts again what was killed, and measures the first ticket.
func (s *stage) back(ctx context.Context, n int, d deed, start func() error) error {
	sleep(ctx, d.away)
	if err := start(); err != nil {
		return err
	}
	took, err := s.load.probe(ctx, n, time.Now())
	if err != nil {
		return err
	}
	s.first = append(s.first, took)
	s.say("  the first ticket was served after %s", took.Round(time.Millisecond))
	return nil
}

// crawler kills one of the crawlers in the process table.
func (s *stage) crawler(ctx context.Context, pick uint64) error {
	all, err := s.fleet.Crawlers()
	if err != nil || len(all) == 0 {
		return err
	}
	one := all[pick%uint64(len(all))]
	s.lose(ctx, one.GUID)
	e2e.Kill(one.PID)
	return nil
}

// lose counts the crawls that lose a crawler; all of them where it is empty.
func (s *stage) lose(ctx context.Context, g fleet.GUID) {
	rows, err := s.fleet.Control.Crawlers(ctx, "")
	if err != nil {
		s.say("count the leases: %v", err)
	}
	for _, row := range rows {
		if g == "" || row.GUID == g {
			s.kills += max(row.Leased, 1) // one may be granted just now
		}
	}
}

// rest waits until every ticket has ended and no crawler is left.
func (s *stage) rest(ctx context.Context) error {
	s.say("no more deeds; %d tickets", len(s.load.tickets))
	s.site.SetPageDelay(0)
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	var open []string
	err := until(ctx, "the end of all tickets", func() bool {
		open = open[:0]
		for _, c := range s.load.tickets {
			row, err := s.fleet.Control.Ticket(ctx, c.Tenant, c.Ticket)
			if fleet.CodeOf(err) == fleet.CodeNotFound {
				never, _ := s.fleet.Unaccepted(ctx, c.Tenant, c.Ticket) // where that is not known: not yet
				if never {
					continue
				}
			}
			if err != nil || row.State != fleet.TicketEnded {
				open = append(open, fmt.Sprintf("%s/%s %s %+v", c.Tenant, c.Ticket, row.State, row.Wait))
			}
		}
		return len(open) == 0
	})
	if err != nil {
		return fmt.Errorf("%w; open: %s", err, strings.Join(open, ", "))
	}
	s.say("all tickets had ended %s later", time.Since(began).Round(time.Millisecond))
	return s.fleet.Drain(ctx)
}

func (s *stage) judge(ctx context.Context, alive map[fleet.GUID]time.Time) (e2e.Verdict, error) {
	truth, err := s.site.Truth(sample.Scope{})
	if err != nil {
		return e2e.Verdict{}, err
	}
	return s.fleet.Judge(ctx, e2e.Evidence{
		Log: s.site.Log(), Truth: truth, Key: e2e.KeyOf(s.site),
		Patience: []string{s.site.ShopURL(sample.FlakyPath)},
		Tickets:  slices.Clone(s.load.tickets), Kills: s.kills, Alive: alive, First: s.first,
	})
}

// insist repeats what has to come true once the fleet is back.
func (s *stage) insist(do func() bool) {
	for give := time.Now().Add(2 * longestOutage); !do() && time.Now().Before(give); {
		time.Sleep(again)
	}
}

// until looks until it is so, or ctx is over.
func until(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(lookEvery):
		}
	}
	return nil
}

// sleep pauses, or less where ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
