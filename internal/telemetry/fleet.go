package telemetry

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// gaugesWithin bounds the reading of the gauges: a scrape must not hang on a store that
// is locked.
const gaugesWithin = 5 * time.Second

// FleetOptions are where a fleet's figures come from.
type FleetOptions struct {
	Gauges fleet.GaugeReader
	Dir    string // the data directory, whose disk may fill up
}

// Fleet are the few figures that an operator acts on: gauges, which are read from the
// store at each scrape, and counters. No label is a tenant, a ticket or a GUID.
type Fleet struct {
	o        FleetOptions
	cures    *prometheus.CounterVec
	tries    *prometheus.CounterVec
	failures *prometheus.CounterVec
	rounds   *prometheus.CounterVec
	requests *prometheus.CounterVec
	lastOK   *prometheus.GaugeVec
}

// NewFleet registers a fleet's figures.
func NewFleet(r prometheus.Registerer, o FleetOptions) *Fleet {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(v)
		return v
	}
	f := &Fleet{
		o: o,
		cures: counter("crawlfleet_cures_total",
			"What the reaper healed, by case (docs/healing.md).", "cure"),
		tries: counter("crawlfleet_webhook_tries_total",
			"Tries of messages to webhooks: delivered, failed, set_aside.", "result"),
		failures: counter("crawlfleet_launch_failures_total",
			"Launches that did not come to serve, by the class of the error.", "class"),
		rounds: counter("crawlfleet_rounds_total",
			"Rounds of the loops beside the queues: ok, failed.", "loop", "result"),
		requests: counter("crawlfleet_http_requests_total",
			"Requests to our HTTP servers, by the class of their answer.", "server", "status"),
		lastOK: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "crawlfleet_last_round_timestamp_seconds",
			Help: "When a loop beside the queues last had a round without an error.",
		}, []string{"loop"}),
	}
	r.MustRegister(f.lastOK, gauges{f})
	return f
}

// Cured counts a cure of the reaper.
func (f *Fleet) Cured(cure string) { f.cures.WithLabelValues(cure).Inc() }

// Tried counts a try of a message to a webhook.
func (f *Fleet) Tried(result string) { f.tries.WithLabelValues(result).Inc() }

// LaunchFailed counts a launch that did not come to serve.
func (f *Fleet) LaunchFailed(class string) { f.failures.WithLabelValues(class).Inc() }

// Round counts a round of a loop beside the queues.
func (f *Fleet) Round(loop, result string, ok bool) {
	f.rounds.WithLabelValues(loop, result).Inc()
	if ok {
		f.lastOK.WithLabelValues(loop).SetToCurrentTime()
	}
}

// Served counts the requests to a server by the class of their answer.
func (f *Fleet) Served(server string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		// A handler that panics has answered nothing: the deferred count is that of its cut.
		defer func() { f.requests.WithLabelValues(server, class(seen.status)).Inc() }()
		h.ServeHTTP(seen, r)
	})
}

// class is the first digit of a status.
func class(status int) string { return string(rune('0'+status/100%10)) + "xx" }

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// gauges reads the store at each scrape.
type gauges struct{ f *Fleet }

// gaugeNames are the gauges that come of the store and the disk, with their label.
var gaugeNames = []struct{ name, help, label string }{
	{"crawlfleet_store_up", "1 while the control store answers.", ""},
	{"crawlfleet_data_free_bytes", "Free bytes of the data directory's disk.", ""},
	{"crawlfleet_tenants", "Tenants by state.", "state"},
	{"crawlfleet_crawlers", "Crawlers that are not gone, by state.", "state"},
	{"crawlfleet_tickets", "Tickets that have not ended, by state.", "state"},
	{"crawlfleet_waiting_tickets", "Waiting tickets by what they wait for.", "reason"},
	{"crawlfleet_oldest_waiting_seconds", "How long the oldest ticket waits that waits for us.", ""},
	{"crawlfleet_leases", "Slots in use.", ""},
	{"crawlfleet_slots", "Slots of serving crawlers.", ""},
	{"crawlfleet_webhook_messages", "Messages to webhooks that were not delivered, by state.", "state"},
	{"crawlfleet_cooldowns", "Places that are left out of decisions for now.", ""},
	{"crawlfleet_spend_held", "Tenants at their spend cap.", ""},
	{"crawlfleet_banned_addresses", "Addresses that a host refuses, by tenant and host.", ""},
	{"crawlfleet_leftovers", "Machines without a row and rows without a machine, by provider.", "provider"},
	{"crawlfleet_providers_unlisted", "Providers whose last list failed.", ""},
}

// Describe says nothing: what is there depends on the rows.
func (g gauges) Describe(chan<- *prometheus.Desc) {}

// Collect reads the gauges.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	set := func(name string, value float64, label ...string) {
		for _, n := range gaugeNames {
			if n.name == name {
				var labels []string
				if n.label != "" {
					labels = []string{n.label}
				}
				out <- prometheus.MustNewConstMetric(
					prometheus.NewDesc(n.name, n.help, labels, nil), prometheus.GaugeValue, value, label...)
				return
			}
		}
		panic("telemetry: a gauge without a name: " + name)
	}
	if free, err := freeBytes(g.f.o.Dir); err == nil {
		set("crawlfleet_data_free_bytes", float64(free))
	}
	ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
	defer cancel()
	now, err := g.f.o.Gauges.Gauges(ctx)
	if err != nil {
		set("crawlfleet_store_up", 0)
		return
	}
	set("crawlfleet_store_up", 1)
	rows(set, now)
}

func rows(set func(string, float64, ...string), g fleet.Gauges) {
	each(set, "crawlfleet_tenants", g.Tenants)
	each(set, "crawlfleet_crawlers", g.Crawlers)
	each(set, "crawlfleet_tickets", g.Tickets)
	each(set, "crawlfleet_waiting_tickets", g.Waiting)
	each(set, "crawlfleet_webhook_messages", g.Deliveries)
	oldest := 0.0
	if !g.OldestWaiting.IsZero() {
		oldest = max(0, time.Since(g.OldestWaiting).Seconds())
	}
	set("crawlfleet_oldest_waiting_seconds", oldest)
	set("crawlfleet_leases", float64(g.Leases))
	set("crawlfleet_slots", float64(g.Slots))
	set("crawlfleet_cooldowns", float64(g.Cooldowns))
	set("crawlfleet_spend_held", float64(g.Held))
	set("crawlfleet_banned_addresses", float64(g.Banned))
	each(set, "crawlfleet_leftovers", g.Leftovers)
	set("crawlfleet_providers_unlisted", float64(g.Unlisted))
}

func each[K ~string](set func(string, float64, ...string), name string, values map[K]int) {
	for k, v := range values {
		set(name, float64(v), string(k))
	}
}

// FleetMetrics lists the names of a fleet's figures, for the docs' test.
func FleetMetrics() []string {
	names := []string{
		"crawlfleet_cures_total", "crawlfleet_webhook_tries_total", "crawlfleet_launch_failures_total",
		"crawlfleet_rounds_total", "crawlfleet_http_requests_total", "crawlfleet_last_round_timestamp_seconds",
	}
	for _, g := range gaugeNames {
		names = append(names, g.name)
	}
	return append(names, gatewayNames...)
}
