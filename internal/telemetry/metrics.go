package telemetry

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// The SDK's labels that are kept: each has a bounded number of values. The task queue
// is left out, because a crawler's queue is its GUID; so queues of one worker type
// are added up in counters and timers, and a gauge shows the one that spoke last.
var sdkLabels = [...]string{
	"activity_type", "failure_reason", "operation", "poller_type", "status_code",
	"worker_type", "workflow_type",
}

// SDKMetrics registers the Temporal SDK's metrics as they appear. The SDK's own
// bridge (contrib/tally) would bring two more modules for what fits here.
func SDKMetrics(r prometheus.Registerer) client.MetricsHandler {
	return &sdkMetrics{set: &sdkSet{registerer: r, vectors: map[string]prometheus.Collector{}}}
}

// sdkSet holds the vectors that all handlers of one registerer share.
type sdkSet struct {
	registerer prometheus.Registerer
	mu         sync.Mutex
	vectors    map[string]prometheus.Collector
}

// vector gives the metric of a name, made and registered at its first use.
func vector[V prometheus.Collector](s *sdkSet, name string, make func() V) (V, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.vectors[name]; ok {
		v, ok := old.(V)
		return v, ok // not ok: the SDK uses one name for two kinds
	}
	v := make()
	s.vectors[name] = v
	return v, s.registerer.Register(v) == nil
}

type sdkMetrics struct {
	set  *sdkSet
	tags map[string]string
}

// WithTags adds labels; those that are not bounded are dropped.
func (m *sdkMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	merged := maps.Clone(m.tags)
	if merged == nil {
		merged = map[string]string{}
	}
	for name, value := range tags {
		if _, kept := slices.BinarySearch(sdkLabels[:], name); kept {
			merged[name] = value
		}
	}
	return &sdkMetrics{set: m.set, tags: merged}
}

func (m *sdkMetrics) values() []string {
	values := make([]string, len(sdkLabels))
	for i, name := range sdkLabels {
		values[i] = m.tags[name]
	}
	return values
}

// Counter counts.
func (m *sdkMetrics) Counter(name string) client.MetricsCounter {
	v, ok := vector(m.set, name+"_total", func() *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name + "_total", Help: "See the Temporal SDK's metrics.",
		}, sdkLabels[:])
	})
	if !ok {
		return client.MetricsNopHandler.Counter(name)
	}
	c := v.WithLabelValues(m.values()...)
	return counterFunc(func(d int64) { c.Add(float64(d)) })
}

// Gauge shows the last value.
func (m *sdkMetrics) Gauge(name string) client.MetricsGauge {
	v, ok := vector(m.set, name, func() *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: name, Help: "See the Temporal SDK's metrics.",
		}, sdkLabels[:])
	})
	if !ok {
		return client.MetricsNopHandler.Gauge(name)
	}
	return gaugeFunc(v.WithLabelValues(m.values()...).Set)
}

// Timer is a histogram in seconds.
func (m *sdkMetrics) Timer(name string) client.MetricsTimer {
	v, ok := vector(m.set, name+"_seconds", func() *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name + "_seconds", Help: "See the Temporal SDK's metrics.",
			// From a local round trip to a crawl of hours.
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, 1, 5, 30, 300, 3600},
		}, sdkLabels[:])
	})
	if !ok {
		return client.MetricsNopHandler.Timer(name)
	}
	o := v.WithLabelValues(m.values()...)
	return timerFunc(func(d time.Duration) { o.Observe(d.Seconds()) })
}

type (
	counterFunc func(int64)
	gaugeFunc   func(float64)
	timerFunc   func(time.Duration)
)

func (f counterFunc) Inc(d int64)          { f(d) }
func (f gaugeFunc) Update(v float64)       { f(v) }
func (f timerFunc) Record(d time.Duration) { f(d) }
