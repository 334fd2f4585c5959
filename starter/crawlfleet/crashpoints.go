//go:build crashpoints

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// seams are the stores with crash points: the file "crash" in the data directory names
// one as "<before|after> <method> <ticket, tenant or GUID, or *>". Who comes there
// removes the file and kills this process, as a power cut does.
func (c *control) seams(dir *config.Dir) databases {
	crash := crash{filepath.Join(dir.Path, "crash")}
	return databases{
		control: crashControl{c.store, crash},
		data:    crashData{c.data, crash},
		plane:   crashPlane{c.data, crash},
	}
}

// crash is where a test says at which call to die.
type crash struct{ file string }

func (c crash) at(moment, method, subject string) {
	b, err := os.ReadFile(c.file)
	if err != nil {
		return
	}
	switch strings.TrimSpace(string(b)) {
	case moment + " " + method + " " + subject, moment + " " + method + " *":
	default:
		return
	}
	if os.Remove(c.file) != nil {
		return // another call was first, and is dying
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kill is on its way: nothing more is done here
}

func around[S ~string, T any](c crash, method string, subject S, do func() (T, error)) (T, error) {
	c.at("before", method, string(subject))
	v, err := do()
	if err == nil {
		c.at("after", method, string(subject))
	}
	return v, err
}

func beside[S ~string](c crash, method string, subject S, do func() error) error {
	_, err := around(c, method, subject, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// crashControl is the control store with crash points around what changes it.
type crashControl struct {
	fleet.Control
	crash crash
}

func (c crashControl) Route(ctx context.Context, r fleet.RouteRequest) (fleet.RouteAnswer, error) {
	return around(c.crash, "Route", r.Input.ID, func() (fleet.RouteAnswer, error) { return c.Control.Route(ctx, r) })
}

func (c crashControl) Intend(ctx context.Context, i fleet.Intent) (fleet.Intent, error) {
	return around(c.crash, "Intend", i.Ticket, func() (fleet.Intent, error) { return c.Control.Intend(ctx, i) })
}

func (c crashControl) Record(ctx context.Context, r fleet.RecordRequest) (fleet.RecordAnswer, error) {
	return around(c.crash, "Record", r.Ticket, func() (fleet.RecordAnswer, error) { return c.Control.Record(ctx, r) })
}

func (c crashControl) Decide(ctx context.Context, t fleet.TenantID) (fleet.Decision, error) {
	return around(c.crash, "Decide", t, func() (fleet.Decision, error) { return c.Control.Decide(ctx, t) })
}

func (c crashControl) Launched(ctx context.Context, g fleet.GUID, i fleet.Instance) error {
	return beside(c.crash, "Launched", g, func() error { return c.Control.Launched(ctx, g, i) })
}

func (c crashControl) Serving(ctx context.Context, g fleet.GUID, h fleet.Hello) (fleet.Follow, error) {
	return around(c.crash, "Serving", g, func() (fleet.Follow, error) { return c.Control.Serving(ctx, g, h) })
}

func (c crashControl) Bury(ctx context.Context, g fleet.GUID, why string) (fleet.BuryAnswer, error) {
	return around(c.crash, "Bury", g, func() (fleet.BuryAnswer, error) { return c.Control.Bury(ctx, g, why) })
}

func (c crashControl) Gone(ctx context.Context, g fleet.GUID, at time.Time) (fleet.Follow, error) {
	return around(c.crash, "Gone", g, func() (fleet.Follow, error) { return c.Control.Gone(ctx, g, at) })
}

// crashData is the tenants' databases, as the activities use them, with crash points.
type crashData struct {
	fleet.TenantData
	crash crash
}

func (c crashData) Create(ctx context.Context, t fleet.TenantID) error {
	return beside(c.crash, "Create", t, func() error { return c.TenantData.Create(ctx, t) })
}

func (c crashData) Raise(ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64) error {
	return beside(c.crash, "Raise", id, func() error { return c.TenantData.Raise(ctx, t, id, epoch) })
}

func (c crashData) Reopen(ctx context.Context, t fleet.TenantID, id fleet.TicketID, epoch int64) error {
	return beside(c.crash, "Reopen", id, func() error { return c.TenantData.Reopen(ctx, t, id, epoch) })
}

func (c crashData) Close(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, o fleet.Outcome, reason string,
) (fleet.Counters, error) {
	return around(c.crash, "Close", id, func() (fleet.Counters, error) {
		return c.TenantData.Close(ctx, t, id, o, reason)
	})
}

// crashPlane is the tenants' databases as the data plane uses them, with crash points.
// The exchange that ends a crawl has one of its own, LastExchange.
type crashPlane struct {
	dataplane.Data
	crash crash
}

func (c crashPlane) Claim(
	ctx context.Context, r fleet.ClaimRequest, in fleet.TicketInput,
) (fleet.ClaimAnswer, error) {
	return around(c.crash, "Claim", r.Ticket, func() (fleet.ClaimAnswer, error) { return c.Data.Claim(ctx, r, in) })
}

func (c crashPlane) Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	a, err := around(c.crash, "Exchange", r.Ticket, func() (fleet.ExchangeAnswer, error) {
		return c.Data.Exchange(ctx, r)
	})
	if err == nil && a.Next == fleet.NextEnd {
		c.crash.at("after", "LastExchange", string(r.Ticket))
	}
	return a, err
}
