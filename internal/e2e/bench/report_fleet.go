package main

import "fmt"

func (r report) printIdle(line func(...string)) {
	for _, p := range r.Programs {
		build := ""
		if p.Build > 0 {
			build = fmt.Sprintf("%.0f s cold build", p.Build)
		}
		line(p.Program, fmt.Sprintf("%.1f MB", p.MB), build)
	}
	for _, m := range r.Idle {
		line("crawler "+m.When, fmt.Sprintf("%.1f MB RSS", m.RSS), fmt.Sprintf("%.1f MB PSS", m.PSS),
			aim(m.RSS < aimIdle, fmt.Sprintf("RSS < %d", aimIdle)))
	}
	if len(r.Idle) > 0 {
		line()
	}
}

func (r report) printServer(line func(...string)) {
	line("bare workflow, nothing", "in flight", "p50 ms", "p99 ms", "/s", "p50 ratio", "/s ratio", "",
		"server CPU ms", "ratio")
	for _, row := range r.Server {
		rate := ""
		if row.Side == r.Server[0].Side {
			rate = aim(row.RateRatio.Median >= aimBest, fmt.Sprintf("≥ %.2f", aimBest))
		}
		line(row.Side, fmt.Sprint(row.InFlight), fmt.Sprintf("%.1f", row.P50), fmt.Sprintf("%.1f", row.P99),
			fmt.Sprintf("%.1f", row.Rate), row.P50Ratio.String(), row.RateRatio.String(), rate,
			fmt.Sprintf("%.1f", row.CPU["server"]), fmt.Sprintf("%.2f", row.CPURatio.Median))
	}
	line()
}

func (r report) printCrowd(line func(...string)) {
	c := r.Crowd
	line(fmt.Sprintf("%d idle crawlers", c.Crawlers), "p50 ms", "p99 ms", "server MB", "CPU %")
	line("dispatch to one of one", fmt.Sprintf("%.1f", c.OneP50), fmt.Sprintf("%.1f", c.OneP99),
		fmt.Sprintf("%.0f", c.BeforeMB), "")
	line("to a random one", fmt.Sprintf("%.1f", c.P50), fmt.Sprintf("%.1f", c.P99),
		fmt.Sprintf("%.0f", c.ServerMB), fmt.Sprintf("%.1f", c.ServerCPU))
	line("ratio", fmt.Sprintf("%.2f", c.P50/c.OneP50), fmt.Sprintf("%.2f", c.P99/c.OneP99),
		fmt.Sprintf("%.2f each", (c.ServerMB-c.BeforeMB)/float64(c.Crawlers)), "",
		fmt.Sprintf("crawler %.1f MB PSS", c.EachPSS))
	line()
}

func (r report) printBurst(line func(...string)) {
	b := r.Burst
	line(fmt.Sprintf("%d tickets at once, from zero", b.Tickets), "served", "by crawlers", "started", "s",
		"bound s", "ratio")
	line("", fmt.Sprint(b.Served), fmt.Sprint(b.Crawlers), fmt.Sprint(b.Started),
		fmt.Sprintf("%.2f", b.Seconds), fmt.Sprintf("%.2f", b.Bound), fmt.Sprintf("%.2f", b.Ratio), aim(b.Served == b.Tickets, "all served"))
	line()
}

func (r report) printSoak(line func(...string)) {
	line("soak, after tickets", "/s", "server MB", "control MB", "files", "", "goroutines", "",
		"bytes a ticket", "control", "tenants")
	for _, s := range r.Soak {
		line(fmt.Sprint(s.Tickets), fmt.Sprintf("%.0f", s.Rate), fmt.Sprintf("%.0f", s.ServerMB),
			fmt.Sprintf("%.0f", s.ControlMB), fmt.Sprint(s.ServerFDs), fmt.Sprint(s.ControlFDs),
			fmt.Sprintf("%.0f", s.ServerGo), fmt.Sprintf("%.0f", s.ControlGo),
			fmt.Sprintf("%.0f", s.Temporal), fmt.Sprintf("%.0f", s.Control), fmt.Sprintf("%.0f", s.Tenants))
	}
	// The first tenth fills caches and pools; what comes after it has to be flat.
	first, last := r.Soak[1], r.Soak[len(r.Soak)-1]
	per := func(a, b float64) string {
		return fmt.Sprintf("%+.1f/1000", 1000*(b-a)/float64(last.Tickets-first.Tickets))
	}
	flat := func(a, b float64) string {
		if a == 0 {
			return "not told" // by this system, or by these programs
		}
		return aim(b <= aimFlat*a, "flat")
	}
	line("slope, flat", "", per(first.ServerMB, last.ServerMB), per(first.ControlMB, last.ControlMB),
		flat(float64(first.ServerFDs), float64(last.ServerFDs)),
		flat(float64(first.ControlFDs), float64(last.ControlFDs)),
		flat(first.ServerGo, last.ServerGo), flat(first.ControlGo, last.ControlGo),
		flat(half(r.Soak, func(s soakRow) float64 { return s.Temporal })),
		flat(half(r.Soak, func(s soakRow) float64 { return s.Control })),
		flat(half(r.Soak, func(s soakRow) float64 { return s.Tenants })))
	line()
}

// half gives the means over the first and the second half of a soak.
func half(rows []soakRow, of func(soakRow) float64) (first, second float64) {
	rows = rows[1:]
	for i, row := range rows {
		if i < len(rows)/2 {
			first += of(row) / float64(len(rows)/2)
		} else {
			second += of(row) / float64(len(rows)-len(rows)/2)
		}
	}
	return first, second
}
