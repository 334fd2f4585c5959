//go:build crashpoints

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/interceptor"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/crashpoint"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// seams are the parts with crash points: around every activity, and around those calls
// of the databases that have another step of the same activity before or after them.
func (c *control) seams(dir *config.Dir) seams {
	folder := filepath.Join(dir.Path, "crash")
	p := crashpoint.New(crashpoint.Folder(folder))
	return seams{
		control: crashControl{c.store, p}, data: crashData{c.data, p}, plane: crashPlane{c.data, p},
		interceptors: []interceptor.WorkerInterceptor{p.Interceptor()},
		crawlerEnv:   map[string]string{crashpoint.Env: folder},
	}
}

// clock is the machine's, put forward or back by the duration that the file "clock" of
// the data directory says.
func clock(dir *config.Dir) func() time.Time {
	file := filepath.Join(dir.Path, "clock")
	return func() time.Time {
		b, err := os.ReadFile(file)
		if err != nil {
			return time.Now()
		}
		by, err := time.ParseDuration(strings.TrimSpace(string(b)))
		if err != nil {
			panic("the file clock: " + err.Error())
		}
		return time.Now().Add(by)
	}
}

func beside(p *crashpoint.Points, call string, t fleet.TenantID, do func() error) error {
	_, err := crashpoint.Around(p, call, t, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// crashControl is the control store with its crash points. Calls that name no tenant are
// those of an activity, which knows it; the reaper's go by them.
type crashControl struct {
	fleet.Control
	points *crashpoint.Points
}

func (c crashControl) Route(ctx context.Context, r fleet.RouteRequest) (fleet.RouteAnswer, error) {
	return crashpoint.Around(c.points, "control.Route", r.Input.Tenant,
		func() (fleet.RouteAnswer, error) { return c.Control.Route(ctx, r) })
}

func (c crashControl) Intend(ctx context.Context, i fleet.Intent) (fleet.Intent, error) {
	return crashpoint.Around(c.points, "control.Intend", i.Tenant,
		func() (fleet.Intent, error) { return c.Control.Intend(ctx, i) })
}

func (c crashControl) Record(ctx context.Context, r fleet.RecordRequest) (fleet.RecordAnswer, error) {
	return crashpoint.Around(c.points, "control.Record", r.Tenant,
		func() (fleet.RecordAnswer, error) { return c.Control.Record(ctx, r) })
}

func (c crashControl) Launched(ctx context.Context, g fleet.GUID, i fleet.Instance) error {
	return beside(c.points, "control.Launched", crashpoint.Tenant(ctx),
		func() error { return c.Control.Launched(ctx, g, i) })
}

func (c crashControl) Serving(ctx context.Context, g fleet.GUID, h fleet.Hello) (fleet.Follow, error) {
	return crashpoint.Around(c.points, "control.Serving", crashpoint.Tenant(ctx),
		func() (fleet.Follow, error) { return c.Control.Serving(ctx, g, h) })
}

func (c crashControl) Bury(ctx context.Context, g fleet.GUID, why string) (fleet.BuryAnswer, error) {
	return crashpoint.Around(c.points, "control.Bury", crashpoint.Tenant(ctx),
		func() (fleet.BuryAnswer, error) { return c.Control.Bury(ctx, g, why) })
}

func (c crashControl) Gone(ctx context.Context, g fleet.GUID, at time.Time) (fleet.Follow, error) {
	return crashpoint.Around(c.points, "control.Gone", crashpoint.Tenant(ctx),
		func() (fleet.Follow, error) { return c.Control.Gone(ctx, g, at) })
}

// crashData is the tenants' databases, as the activities use them, with crash points.
type crashData struct {
	fleet.TenantData
	points *crashpoint.Points
}

func (c crashData) Raise(ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64) error {
	return beside(c.points, "data.Raise", t, func() error { return c.TenantData.Raise(ctx, t, id, epoch) })
}

func (c crashData) Reopen(ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64) error {
	return beside(c.points, "data.Reopen", t, func() error { return c.TenantData.Reopen(ctx, t, id, epoch) })
}

func (c crashData) Close(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, o fleet.Outcome, reason string,
) (fleet.Counters, error) {
	return crashpoint.Around(c.points, "data.Close", t, func() (fleet.Counters, error) {
		return c.TenantData.Close(ctx, t, id, o, reason)
	})
}

// crashPlane is the tenants' databases as the data plane uses them, with crash points.
// The exchange that ends a crawl has one of its own.
type crashPlane struct {
	dataplane.Data
	points *crashpoint.Points
}

func (c crashPlane) Claim(
	ctx context.Context, r fleet.ClaimRequest, in fleet.TicketInput,
) (fleet.ClaimAnswer, error) {
	return crashpoint.Around(c.points, "plane.Claim", r.Tenant,
		func() (fleet.ClaimAnswer, error) { return c.Data.Claim(ctx, r, in) })
}

func (c crashPlane) Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	a, err := crashpoint.Around(c.points, "plane.Exchange", r.Tenant,
		func() (fleet.ExchangeAnswer, error) { return c.Data.Exchange(ctx, r) })
	if err == nil && a.Next == fleet.NextEnd {
		c.points.At(crashpoint.After, "plane.LastExchange", r.Tenant)
	}
	return a, err
}
