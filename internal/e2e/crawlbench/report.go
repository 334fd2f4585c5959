package main

import (
	"fmt"
	"slices"
	"time"
)

// tellLayers prints the medians of the rounds and the two ratios that are aimed at.
func (b *bench) tellLayers(got map[string][]measured) {
	median := func(name string, of func(measured) float64) float64 {
		var values []float64
		for _, m := range got[name] {
			values = append(values, of(m))
		}
		if len(values) == 0 {
			return 0
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	cpu := func(m measured) float64 { return perPage(m.Used.CPU, m) }
	total := func(m measured) float64 { return perPage(m.Used.CPU+m.Plane.CPU, m) }
	rate := func(m measured) float64 { return float64(m.Pages) / m.Took.Seconds() }
	size := func(m measured) float64 { return float64(m.Used.RSS) / (1 << 20) }
	count := func(m measured) float64 { return float64(m.Pages) }
	b.say("%-6s %8s %14s %14s %10s %8s", "", "pages", "CPU-ms/page", "with plane", "pages/s", "MB")
	for _, name := range []string{"L0", "L1", "L2", "L3", "L4", "wget", "L3doc"} {
		if len(got[name]) > 0 {
			b.say("%-6s %8.0f %14.3f %14.3f %10.0f %8.0f", name, median(name, count), median(name, cpu),
				median(name, total), median(name, rate), median(name, size))
		}
	}
	b.say("L4 of L3, CPU: %s (aim: at most 0.55), with the data plane %s",
		spread(got["L4"], got["L3"], cpu), spread(got["L4"], got["L3"], total))
	b.say("L4 of L2, pages/s: %s (aim: at least 0.6)", spread(got["L4"], got["L2"], rate))
}

func perPage(d time.Duration, m measured) float64 {
	return float64(d) / float64(time.Millisecond) / float64(max(m.Pages, 1))
}

// spread is the median of a ratio over the rounds, with its extremes: both sides of each
// were measured within seconds.
func spread(a, b []measured, of func(measured) float64) string {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, of(a[i])/of(b[i]))
	}
	if len(ratios) == 0 {
		return "not measured"
	}
	slices.Sort(ratios)
	return fmt.Sprintf("%.3f (%.3f to %.3f)", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
}

// gaps are the least time between two visits of a host, and the most that a host took.
func gaps(seen []visit) (least, longest time.Duration, hosts, visits int) {
	last, first := map[string]time.Time{}, map[string]time.Time{}
	least = time.Hour
	for _, v := range seen {
		if at, ok := last[v.Host]; ok {
			least = min(least, v.At.Sub(at))
			longest = max(longest, v.At.Sub(first[v.Host]))
		} else {
			first[v.Host] = v.At
		}
		last[v.Host] = v.At
	}
	return least, longest, len(last), len(seen)
}
