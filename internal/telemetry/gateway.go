package telemetry

import "github.com/prometheus/client_golang/prometheus"

// gatewayNames are the gateway's own figures.
var gatewayNames = []string{
	"crawlfleet_gateway_requests_total", "crawlfleet_gateway_refusals_total",
}

// Gateway are the figures of the gateway. No label is a tenant or a GUID.
type Gateway struct{ requests, refusals *prometheus.CounterVec }

// NewGateway registers the gateway's figures, each kind of refusal at zero.
func NewGateway(r prometheus.Registerer, kinds []string) *Gateway {
	g := &Gateway{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: gatewayNames[0], Help: "Requests of crawlers that were let through, by call.",
		}, []string{"call"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: gatewayNames[1], Help: "Requests that were refused, by kind (docs/gateway.md).",
		}, []string{"kind"}),
	}
	for _, kind := range kinds {
		g.refusals.WithLabelValues(kind)
	}
	r.MustRegister(g.requests, g.refusals)
	return g
}

// Passed counts a request that was let through.
func (g *Gateway) Passed(call string) { g.requests.WithLabelValues(call).Inc() }

// Refused counts a refusal.
func (g *Gateway) Refused(kind string) { g.refusals.WithLabelValues(kind).Inc() }
