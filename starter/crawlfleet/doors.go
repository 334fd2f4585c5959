package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// steering is what the commands change: everything goes through Temporal.
type steering interface {
	StartTicket(ctx context.Context, in fleet.TicketInput) (client.Ticket, error)
	WaitTicket(ctx context.Context, workflowID, runID string) (fleet.TicketResult, error)
	CancelTicket(ctx context.Context, workflowID string) error
	PauseTicket(ctx context.Context, workflowID string, r fleet.SteerRequest) (fleet.TicketStatus, error)
	ResumeTicket(ctx context.Context, workflowID string, r fleet.SteerRequest) (fleet.TicketStatus, error)
	StartTenant(ctx context.Context, in fleet.TenantInput) error
	ApplyTenant(ctx context.Context, in fleet.TenantInput) (fleet.TenantStatus, error)
	ReplanTenant(ctx context.Context, t fleet.TenantID, r fleet.PlanRequest) (fleet.TenantStatus, error)
	SuspendTenant(ctx context.Context, t fleet.TenantID, r fleet.SuspendRequest) (fleet.TenantStatus, error)
	ResumeTenant(ctx context.Context, t fleet.TenantID, r fleet.ResumeRequest) (fleet.TenantStatus, error)
	DeleteTenant(ctx context.Context, t fleet.TenantID, r fleet.DeleteRequest) (fleet.TenantStatus, error)
	ForgetTenant(ctx context.Context, t fleet.TenantID) error
	AddKey(ctx context.Context, t fleet.TenantID, r fleet.KeyRequest) (fleet.KeyRow, error)
	RevokeKey(ctx context.Context, t fleet.TenantID, r fleet.RevokeRequest) (fleet.KeyRow, error)
	TenantStatus(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error)
	WaitTenant(ctx context.Context, t fleet.TenantID) (fleet.TenantStatus, error)
	Redeliver(ctx context.Context, r fleet.RedeliverRequest) ([]fleet.DeliveryRef, error)
	CreateSchedule(ctx context.Context, in fleet.ScheduleInput) (fleet.ScheduleRow, error)
	Schedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) (fleet.ScheduleRow, error)
	Schedules(ctx context.Context, t fleet.TenantID) ([]fleet.ScheduleRow, error)
	PauseSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName, note string) error
	ResumeSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName, note string) error
	TriggerSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) error
	DeleteSchedule(ctx context.Context, t fleet.TenantID, n fleet.ScheduleName) error
	DrainCrawler(ctx context.Context, ref fleet.CrawlerRef, r fleet.DrainRequest) error
}

// doors open what the commands read and steer. What they open is closed by the
// function that they answer.
type doors struct {
	control  func(ctx context.Context, d *config.Dir, c config.Config) (fleet.Reader, func() error, error)
	tenants  func(ctx context.Context, d *config.Dir, c config.Config) (fleet.TenantReader, func() error, error)
	temporal func(ctx context.Context, o client.Options) (steering, func() error, error)
}

func realDoors() doors {
	return doors{control: readControl, tenants: readTenants, temporal: dial}
}

func dial(ctx context.Context, o client.Options) (steering, func() error, error) {
	c, err := client.Dial(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return c, func() error { c.Close(); return nil }, nil
}

// dir opens the data directory for reading.
func (a *App) dir() (*config.Dir, error) {
	l, err := a.config()
	if err != nil {
		return nil, err
	}
	return config.ReadDir(l.DataDir, thisRelease())
}

// reader opens the control store for reading.
func (a *App) reader(ctx context.Context) (fleet.Reader, error) {
	d, err := a.dir()
	if err != nil {
		return nil, err
	}
	r, closing, err := a.doors.control(ctx, d, a.loaded.Config)
	if err != nil {
		return nil, fmt.Errorf("open control store: %w", err)
	}
	a.onClose(closing)
	return r, nil
}

// tenantReader opens the tenants' databases for reading.
func (a *App) tenantReader(ctx context.Context) (fleet.TenantReader, error) {
	d, err := a.dir()
	if err != nil {
		return nil, err
	}
	r, closing, err := a.doors.tenants(ctx, d, a.loaded.Config)
	if err != nil {
		return nil, fmt.Errorf("open tenants' databases: %w", err)
	}
	a.onClose(closing)
	return r, nil
}

// steer connects to Temporal: where the SDK's configuration says, else to the fleet
// that runs in the data directory.
func (a *App) steer(ctx context.Context) (steering, error) {
	o, err := a.clientOptions()
	if err != nil {
		return nil, err
	}
	s, closing, err := a.doors.temporal(ctx, o)
	if err != nil {
		return nil, err
	}
	a.onClose(closing)
	return s, nil
}

func (a *App) clientOptions() (client.Options, error) {
	o := client.Options{Environ: a.Environ}
	l, err := a.config()
	if err != nil {
		return o, err
	}
	if o.Keys, err = codecKeys(l.Config); err != nil {
		return o, err
	}
	configured, err := client.Configured(a.Environ)
	if configured || err != nil {
		return o, err
	}
	d, err := a.dir()
	if err != nil {
		return o, err
	}
	r, err := d.Running()
	if err != nil {
		return o, err
	}
	o.Address, o.Namespace = r.Temporal, r.Namespace
	return o, nil
}

// codecKeys gives the payload codec's keys of a configuration.
func codecKeys(c config.Config) ([]client.Key, error) {
	parsed, err := c.Codec.Parse()
	if err != nil {
		return nil, err
	}
	keys := make([]client.Key, len(parsed))
	for i, k := range parsed {
		keys[i] = client.Key(k)
	}
	return keys, nil
}

// readTenant opens the control store for a command that reads of one tenant, and completes
// that tenant.
func (a *App) readTenant(ctx context.Context, tenant string) (fleet.Reader, fleet.TenantID, error) {
	r, err := a.reader(ctx)
	if err != nil {
		return nil, "", err
	}
	t, err := tenantOf(ctx, r, tenant)
	return r, t, err
}

// steeredTenant completes the tenant of a command that steers it.
func (a *App) steeredTenant(ctx context.Context, tenant string) (fleet.TenantID, steering, error) {
	_, t, err := a.readTenant(ctx, tenant)
	if err != nil {
		return "", nil, err
	}
	s, err := a.steer(ctx)
	return t, s, err
}

// tenantOf completes a tenant that was left out: where there is one only, it is meant.
func tenantOf(ctx context.Context, r fleet.Reader, given string) (fleet.TenantID, error) {
	if given != "" {
		return fleet.TenantID(given), fleet.TenantID(given).Validate()
	}
	all, err := r.Tenants(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 1 {
		return all[0].Tenant, nil
	}
	return "", fleet.Invalid("tenant", fmt.Sprintf("is missing, and there are %d", len(all)), "--tenant NAME").
		WithHint("crawlfleet tenant list")
}

// hasCode reports whether err has one of the codes.
func hasCode(err error, codes ...fleet.Code) bool {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}
