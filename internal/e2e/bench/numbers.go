package main

import (
	"math"
	"slices"
	"time"
)

// quantity is a value over several runs.
type quantity struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	N   int     `json:"n"`
}

func quantityOf(values []float64) quantity {
	return quantity{P50: quantile(values, 0.5), P95: quantile(values, 0.95), N: len(values)}
}

// spread is the median of a ratio over rounds, with its extremes.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	return spread{quantile(values, 0.5), quantile(values, 0), quantile(values, 1)}
}

// quantile is the value that a share q of the values do not exceed: between two of them
// in proportion; 0 of none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func milliseconds(all []time.Duration) []float64 {
	out := make([]float64, len(all))
	for i, d := range all {
		out[i] = ms(d)
	}
	return out
}
