//go:build crashpoints

package main

import (
	"context"
	"strings"

	"go.temporal.io/sdk/interceptor"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/crashpoint"
)

// seams are the parts with crash points: around every activity, and around the calls of
// the data plane.
func (p *program) seams() (crawler.DataPlane, []interceptor.WorkerInterceptor) {
	for _, e := range p.s.Environ {
		if folder, ok := strings.CutPrefix(e, crashpoint.Env+"="); ok {
			points := crashpoint.New(crashpoint.Folder(folder))
			return crashPlane{p.plane, points}, []interceptor.WorkerInterceptor{points.Interceptor()}
		}
	}
	return p.plane, nil
}

// crashPlane is the data plane with crash points: before, the request was not sent;
// after, it was answered and nobody heard.
type crashPlane struct {
	crawler.DataPlane
	points *crashpoint.Points
}

func (c crashPlane) Claim(ctx context.Context, r fleet.ClaimRequest) (fleet.ClaimAnswer, error) {
	return crashpoint.Around(c.points, "crawler.Claim", r.Tenant,
		func() (fleet.ClaimAnswer, error) { return c.DataPlane.Claim(ctx, r) })
}

func (c crashPlane) Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	return crashpoint.Around(c.points, "crawler.Exchange", r.Tenant,
		func() (fleet.ExchangeAnswer, error) { return c.DataPlane.Exchange(ctx, r) })
}
