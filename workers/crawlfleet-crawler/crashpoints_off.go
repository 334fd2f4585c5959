//go:build !crashpoints

package main

import (
	"go.temporal.io/sdk/interceptor"

	"github.com/crawlfleet/crawlfleet/crawler"
)

// seams are the parts as they are. Only the end-to-end tests' own build (tag crashpoints)
// can be made to die at a certain call.
func (p *program) seams() (crawler.DataPlane, []interceptor.WorkerInterceptor) { return p.plane, nil }
