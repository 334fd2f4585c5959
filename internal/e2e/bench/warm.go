package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// inFlight are the numbers of tickets at a time: one after the other, what a busy
// tenant has, and more than two cores can do.
func inFlight() []int { return []int{1, 16, 64} }

// warmRow is one side with so many in flight, over all rounds.
type warmRow struct {
	Side     string             `json:"side"`
	InFlight int                `json:"inFlight"`
	P50      float64            `json:"p50"` // milliseconds: the median of the rounds' medians
	P99      float64            `json:"p99"` // milliseconds, of all
	Rate     float64            `json:"rate"`
	CPU      map[string]float64 `json:"cpu"` // milliseconds of each process, for one
	Count    int                `json:"count"`
	// The medians of the rounds' ratios to the bare crawl; CPURatio is of all processes.
	P50Ratio  spread `json:"p50Ratio"`
	RateRatio spread `json:"rateRatio"`
	CPURatio  spread `json:"cpuRatio"`

	Events      int64 `json:"events,omitempty"`
	Transitions int64 `json:"transitions,omitempty"`
	Actions     int64 `json:"actions,omitempty"` // that Temporal Cloud would bill

	last string // a workflow of it
}

// lap is one side's part of a round.
type lap struct {
	times []time.Duration
	rate  float64 // a second
	cpu   map[string]time.Duration
	last  string // a workflow of it
}

// warm runs the ticket beside the bare sides, in turns.
func (r *rig) warm(ctx context.Context, o options, calibrate func()) ([]warmRow, error) {
	rows, err := r.compare(ctx, r.sides(), comparison{
		rounds: o.rounds, inFlight: inFlight(), count: o.count, reference: 1, calibrate: calibrate,
	})
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if row := &rows[i]; row.InFlight == 1 {
			if row.Events, row.Transitions, err = r.history(ctx, row.last); err == nil {
				row.Actions, err = r.actions(ctx, row.last)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// comparison says how sides are compared.
type comparison struct {
	rounds    int
	inFlight  []int
	count     func(inFlight int) int // how much work of a side is in a lap
	reference int                    // the side that the others are compared with
	calibrate func()                 // called once a round
}

// compare runs sides in turns.
func (r *rig) compare(ctx context.Context, sides []side, c comparison) ([]warmRow, error) {
	laps := map[int]map[int][]lap{} // by in flight, by side
	for _, n := range c.inFlight {
		laps[n] = map[int][]lap{}
		for i := range sides { // caches, pollers, connections for n
			if _, err := runFor(ctx, sides[i], n, 2*n); err != nil {
				return nil, fmt.Errorf("%s: %w", sides[i].name, err)
			}
		}
	}
	for round := range c.rounds {
		c.calibrate()
		for _, n := range c.inFlight {
			for _, i := range order(len(sides), round) {
				l, err := runFor(ctx, sides[i], n, c.count(n))
				if err != nil {
					return nil, fmt.Errorf("%s, %d in flight: %w", sides[i].name, n, err)
				}
				laps[n][i] = append(laps[n][i], l)
			}
		}
	}
	var rows []warmRow
	for _, n := range c.inFlight {
		for i, s := range sides {
			row := summarise(s.name, n, laps[n][i], laps[n][c.reference])
			row.last = laps[n][i][0].last
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// order is that of a round: there and back again.
func order(n, round int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if round%2 == 1 {
		slices.Reverse(all)
	}
	return all
}

// count is how much work of a side is in one lap of a round. A lap is short, about a
// second: what else the machine does then meets all sides alike over the rounds.
func (o options) count(n int) int {
	switch {
	case n == 1:
		return o.ops
	case n < slots:
		return 6 * n // the slack at begin and end is a small part
	default:
		return 3 * n // it takes longer
	}
}

// runFor does count pieces of a side's work, n at a time.
func runFor(ctx context.Context, s side, n, count int) (lap, error) {
	var mu sync.Mutex
	var l lap
	var failed error
	begun := 0
	next := func() bool {
		mu.Lock()
		defer mu.Unlock()
		begun++
		return failed == nil && begun <= count
	}
	work := func() {
		for next() {
			from := time.Now()
			id, err := s.do(ctx)
			took := time.Since(from)
			mu.Lock()
			l.last, l.times = id, append(l.times, took)
			if failed == nil {
				failed = err
			}
			mu.Unlock()
		}
	}
	before, began := cpuTimes(s.pids), time.Now()
	var all sync.WaitGroup
	for range n {
		all.Go(work)
	}
	all.Wait()
	l.rate = float64(len(l.times)) / time.Since(began).Seconds()
	l.cpu = since(before, s.pids, len(l.times))
	return l, failed
}

func summarise(name string, n int, mine, theirs []lap) warmRow {
	row := warmRow{Side: name, InFlight: n, CPU: map[string]float64{}}
	var all, medians, rates, p50s, rateRatios, cpuRatios []float64
	cpu := map[string][]float64{}
	for i, l := range mine {
		times := milliseconds(l.times)
		all = append(all, times...)
		medians = append(medians, quantile(times, 0.5))
		rates = append(rates, l.rate)
		p50s = append(p50s, quantile(times, 0.5)/quantile(milliseconds(theirs[i].times), 0.5))
		rateRatios = append(rateRatios, l.rate/theirs[i].rate)
		cpuRatios = append(cpuRatios, float64(total(l.cpu))/float64(total(theirs[i].cpu)))
		for process, d := range l.cpu {
			cpu[process] = append(cpu[process], ms(d))
		}
	}
	for process, each := range cpu {
		row.CPU[process] = quantile(each, 0.5)
	}
	row.P50, row.P99, row.Rate, row.Count = quantile(medians, 0.5), quantile(all, 0.99), quantile(rates, 0.5), len(all)
	row.P50Ratio, row.RateRatio, row.CPURatio = spreadOf(p50s), spreadOf(rateRatios), spreadOf(cpuRatios)
	return row
}

func total(cpu map[string]time.Duration) (sum time.Duration) {
	for _, d := range cpu {
		sum += d
	}
	return sum
}

func (r *rig) history(ctx context.Context, workflowID string) (events, transitions int64, err error) {
	d, err := r.fleet.Client.Temporal().DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return 0, 0, err
	}
	i := d.GetWorkflowExecutionInfo()
	return i.GetHistoryLength(), i.GetStateTransitionCount(), nil
}

// actions counts what is billed of a history: the start, activities, local ones, timers,
// signals and search attributes.
func (r *rig) actions(ctx context.Context, workflowID string) (n int64, err error) {
	events := r.fleet.Client.Temporal().GetWorkflowHistory(ctx, workflowID, "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return 0, err
		}
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
			enumspb.EVENT_TYPE_MARKER_RECORDED, enumspb.EVENT_TYPE_TIMER_STARTED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			n++
		}
	}
	return n, nil
}

// load runs one side alone, for a profiler; it says whom to look at.
func (r *rig) load(ctx context.Context, at, rounds int, out io.Writer) error {
	s := r.sides()[at]
	if _, err := fmt.Fprintf(out, "%s; processes %v\n", s.name, s.pids); err != nil {
		return err
	}
	for range rounds {
		for _, n := range inFlight() {
			l, err := runFor(ctx, s, n, r.o.count(n))
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, "%d in flight: %.1f/s, p50 %.1f ms, CPU of one %v\n",
				n, l.rate, quantile(milliseconds(l.times), 0.5), l.cpu); err != nil {
				return err
			}
		}
	}
	return nil
}
