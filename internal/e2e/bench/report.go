package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The aims: what the fleet may add to the bare parts.
const (
	aimP50  = 1.25 // of a warm ticket
	aimRate = 0.8  // of the throughput
	aimCold = 1.5  // of a cold start, in the middle and at the 95th percentile
	aimIdle = 30   // MB of an idle crawler
	aimBest = 0.9  // of the throughput of the baselines' best row
	aimFlat = 1.1  // of what a ticket costs in bytes, open files and goroutines at the end to the begin
)

// report is one run.
type report struct {
	At          time.Time `json:"at"`
	Machine     string    `json:"machine"`
	Calibration []float64 `json:"calibration"` // milliseconds, once a round
	Warm        []warmRow `json:"warm,omitempty"`
	Cold        coldTable `json:"cold,omitzero"`
	Gateway     []warmRow `json:"gateway,omitempty"`
	Programs    []size    `json:"programs,omitempty"`
	Idle        []memory  `json:"idle,omitempty"`
	Server      []warmRow `json:"server,omitempty"`
	Crowd       crowdRow  `json:"crowd,omitzero"`
	Burst       burstRow  `json:"burst,omitzero"`
	Nomad       nomadRow  `json:"nomad,omitzero"`
	Docker      dockerRow `json:"docker,omitzero"`
	Soak        []soakRow `json:"soak,omitempty"`
}

func (r *report) calibrate() { r.Calibration = append(r.Calibration, ms(calibration())) }

// print writes the table.
func (r report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") } // Flush tells
	c := spreadOf(r.Calibration)
	_, _ = fmt.Fprintf(w, "%s · %s\ncalibrator %.0f ms, %.0f to %.0f: ratios mean something, times as much as this is steady\n\n",
		r.At.Format(time.RFC3339), r.Machine, c.Median, c.Min, c.Max)
	if len(r.Warm) > 0 {
		r.printWarm(line)
	}
	if len(r.Cold.Rows) > 0 {
		r.Cold.print(line, "cold start", "fork")
	}
	if len(r.Gateway) > 0 {
		r.printGateway(line)
	}
	r.printIdle(line)
	if len(r.Server) > 0 {
		r.printServer(line)
	}
	if r.Crowd.Crawlers > 0 {
		r.printCrowd(line)
	}
	if r.Burst.Tickets > 0 {
		r.printBurst(line)
	}
	if r.Nomad.Crawlers > 0 {
		r.Nomad.print(line)
	}
	if r.Docker.Crawlers > 0 {
		r.Docker.print(line)
	}
	if len(r.Soak) > 0 {
		r.printSoak(line)
	}
	return w.Flush()
}

func (r report) printWarm(line func(...string)) {
	line("warm, one page", "in flight", "p50 ms", "p99 ms", "/s", "p50 ratio", "", "/s ratio", "", "CPU ratio",
		"events", "transitions", "billed", "n", "CPU ms of one")
	for _, row := range r.Warm {
		p50, rate, history := "", "", []string{"", "", ""}
		ours := row.Side == r.Warm[0].Side
		if ours && row.InFlight == 1 {
			p50 = aim(row.P50Ratio.Median <= aimP50, fmt.Sprintf("≤ %.2f", aimP50))
		}
		if ours && row.InFlight > 1 {
			rate = aim(row.RateRatio.Median >= aimRate, fmt.Sprintf("≥ %.2f", aimRate))
		}
		if row.InFlight == 1 {
			history = []string{fmt.Sprint(row.Events), fmt.Sprint(row.Transitions), fmt.Sprint(row.Actions)}
		}
		line(row.Side, fmt.Sprint(row.InFlight), fmt.Sprintf("%.1f", row.P50), fmt.Sprintf("%.1f", row.P99),
			fmt.Sprintf("%.1f", row.Rate), row.P50Ratio.String(), p50, row.RateRatio.String(), rate,
			fmt.Sprintf("%.2f", row.CPURatio.Median), history[0], history[1], history[2], fmt.Sprint(row.Count), costs(row.CPU))
	}
	line()
}

func (t coldTable) print(line func(...string), title, beside string) {
	n := t.Rows[len(t.Rows)-1].Fleet.N
	line(fmt.Sprintf("%s, ms until (%d each)", title, n), "fleet p50", "p95", beside+" p50", "p95", "")
	for _, row := range t.Rows {
		cells := []string{row.Phase}
		for _, q := range []quantity{row.Fleet, row.Fork} {
			if q.N == 0 {
				cells = append(cells, "", "")
				continue
			}
			cells = append(cells, fmt.Sprintf("%.1f", q.P50), fmt.Sprintf("%.1f", q.P95))
		}
		line(append(cells, "")...)
	}
	line("ratio", fmt.Sprintf("%.2f", t.P50), fmt.Sprintf("%.2f", t.P95), "in pairs", t.Ratio.String(),
		aim(max(t.P50, t.P95) <= aimCold, fmt.Sprintf("both ≤ %.2f", aimCold)))
	line()
}

// String is the median with the extremes.
func (s spread) String() string { return fmt.Sprintf("%.2f [%.2f..%.2f]", s.Median, s.Min, s.Max) }

// aim says whether a value is where it should be.
func aim(met bool, what string) string {
	if met {
		return what + " met"
	}
	return what + " MISSED"
}

func costs(cpu map[string]float64) string {
	var parts []string
	for _, process := range slices.Sorted(maps.Keys(cpu)) {
		parts = append(parts, fmt.Sprintf("%s %.1f", process, cpu[process]))
	}
	return strings.Join(parts, ", ")
}
