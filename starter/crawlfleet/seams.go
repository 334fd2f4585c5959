package main

import (
	"go.temporal.io/sdk/interceptor"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// seams are the places between the parts of the control side where the end-to-end tests'
// own build (tag crashpoints) puts itself. Every other build has the parts as they are.
type seams struct {
	control fleet.Control
	data    fleet.TenantData
	plane   dataplane.Data
	// interceptors stand around every activity; crawlerEnv is added to that of crawlers.
	interceptors []interceptor.WorkerInterceptor
	crawlerEnv   map[string]string
}
