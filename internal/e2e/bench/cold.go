package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// The phases of a cold start, each until the moment that it names.
const (
	phaseAccepted = "ticket accepted"
	phaseReserved = "crawler reserved"
	phaseLaunched = "launch accepted"
	phaseForked   = "forked"
	phaseMain     = "main"
	phaseDialed   = "dialed"
	phaseServing  = "hello, serving"
	phaseClaimed  = "crawl claimed"
	phaseResult   = "result"
)

// coldRow is one moment of a cold start, since the ticket was started.
type coldRow struct {
	Phase string   `json:"phase"`
	Fleet quantity `json:"fleet"`
	Fork  quantity `json:"fork"`
}

// coldTable has the moments in order, and the ratio of the whole.
type coldTable struct {
	Rows  []coldRow `json:"rows"`
	Ratio spread    `json:"ratio"` // of the runs, each beside the fork that ran before or after it
	P50   float64   `json:"p50"`   // ratio of the medians
	P95   float64   `json:"p95"`
}

// moments are milliseconds since the start, by phase.
type moments map[string]float64

// cold starts a crawler for a ticket and by hand, in turns.
func (r *rig) cold(ctx context.Context, n int) (coldTable, error) {
	return inTurns(ctx, n, r.coldTicket, r.coldFork)
}

// inTurns compares two ways of a cold start, the fleet's and the bare one.
func inTurns(ctx context.Context, n int, starts ...func(context.Context) (moments, error)) (coldTable, error) {
	var ours, theirs []moments
	for i := range n + 1 { // the first one of each is for the caches of the machine
		var pair [2]moments
		for _, at := range order(len(starts), i) {
			m, err := starts[at](ctx)
			if err != nil {
				return coldTable{}, err
			}
			pair[at] = m
		}
		if i > 0 {
			ours, theirs = append(ours, pair[0]), append(theirs, pair[1])
		}
	}
	t := coldTable{}
	for _, phase := range []string{
		phaseAccepted, phaseReserved, phaseLaunched, phaseForked, phaseMain, phaseDialed,
		phaseServing, phaseClaimed, phaseResult,
	} {
		t.Rows = append(t.Rows, coldRow{phase, over(ours, phase), over(theirs, phase)})
	}
	whole := t.Rows[len(t.Rows)-1]
	t.P50, t.P95 = whole.Fleet.P50/whole.Fork.P50, whole.Fleet.P95/whole.Fork.P95
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, ours[i][phaseResult]/theirs[i][phaseResult])
	}
	t.Ratio = spreadOf(ratios)
	return t, nil
}

func over(all []moments, phase string) quantity {
	var values []float64
	for _, m := range all {
		if v, ok := m[phase]; ok {
			values = append(values, v)
		}
	}
	return quantityOf(values)
}

// coldTicket is a ticket of a tenant without a crawler.
func (r *rig) coldTicket(ctx context.Context) (moments, error) {
	if err := r.noCrawler(ctx, coldTenant); err != nil {
		return nil, err
	}
	began := time.Now()
	k, err := r.fleet.Client.StartTicket(ctx, onePage(coldTenant, r.page))
	if err != nil {
		return nil, err
	}
	result, err := r.fleet.Client.WaitTicket(ctx, k.WorkflowID, k.RunID)
	ended := time.Now()
	if err != nil {
		return nil, err
	}
	if result.Counters.Fetched != 1 || len(result.Crawlers) != 1 {
		return nil, fmt.Errorf("ticket %s: %+v", k.Ticket, result)
	}
	c, err := r.fleet.Control.Crawler(ctx, result.Crawlers[0])
	if err != nil {
		return nil, err
	}
	_, claimed, err := r.fleet.Data.Progress(ctx, coldTenant, k.Ticket)
	if err != nil {
		return nil, err
	}
	m := moments{}
	for phase, at := range map[string]time.Time{
		phaseAccepted: result.Times.Accepted, phaseReserved: c.Times.Reserved,
		phaseLaunched: c.Times.Launched, phaseMain: c.Times.Main, phaseDialed: c.Times.Dialed,
		phaseServing: c.Times.Serving, phaseClaimed: claimed, phaseResult: ended,
	} {
		m[phase] = ms(at.Sub(began))
	}
	return m, nil
}

// noCrawler drains what a tenant has and waits until none is left.
func (r *rig) noCrawler(ctx context.Context, t fleet.TenantID) error {
	asked := map[fleet.GUID]bool{}
	return until(ctx, "the crawlers to be gone", func() (bool, error) {
		live, err := r.fleet.Control.Crawlers(ctx, t)
		if err != nil || len(live) == 0 {
			return err == nil, err
		}
		for _, c := range live {
			if asked[c.GUID] {
				continue
			}
			asked[c.GUID] = true
			err = errors.Join(err, r.fleet.Client.DrainCrawler(ctx, fleet.CrawlerRef{Tenant: t, GUID: c.GUID},
				fleet.DrainRequest{Reason: "the benchmark goes on without it", Grace: fleet.Duration(time.Second)}))
		}
		return false, err
	})
}

// launcher starts the crawler's program without a fleet, and gives what ends it.
type launcher func(ctx context.Context, g fleet.GUID, slots int) (stop func() error, err error)

// coldFork starts the crawler as a process.
func (r *rig) coldFork(ctx context.Context) (moments, error) {
	return r.coldBare(ctx, func(_ context.Context, g fleet.GUID, slots int) (func() error, error) {
		c, err := r.fork(g, slots)
		return c.stop, err
	})
}

// coldBare starts the bare workflow, then the crawler that it waits for.
func (r *rig) coldBare(ctx context.Context, launch launcher) (m moments, err error) {
	began := time.Now()
	g := newGUID()
	in := crawlOf(g)
	run, err := begin(ctx, r.fleet.Client.Temporal(), in)
	if err != nil {
		return nil, err
	}
	stop, err := launch(ctx, g, slots)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	forked := time.Now()
	var answer json.RawMessage
	if err := client.Result(ctx, run, &answer); err != nil {
		return nil, err
	}
	ended := time.Now()
	if err := done(answer); err != nil {
		return nil, err
	}
	h, err := r.hello(ctx, g)
	if err != nil {
		return nil, err
	}
	_, claimed, err := r.data.Progress(ctx, bareTenant, in.Crawl.Ticket)
	if err != nil {
		return nil, err
	}
	m = moments{}
	for phase, at := range map[string]time.Time{
		phaseForked: forked, phaseMain: h.MainAt, phaseDialed: h.DialedAt,
		phaseClaimed: claimed, phaseResult: ended,
	} {
		m[phase] = ms(at.Sub(began))
	}
	return m, nil
}
