package main

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/credential"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
	"github.com/crawlfleet/crawlfleet/internal/webhook"
	"github.com/crawlfleet/crawlfleet/workers"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// unplacedMax is how many launches of one account may be under way: what a machine
// forks without the crawlers starving each other, and what Nomad's queue bears.
const unplacedMax = 16

// control is the control side in one process: the stores, the data plane, the
// workers of the control and launch queues, the reaper and the watch.
type control struct {
	dir     *config.Dir
	store   *controldb.Store
	data    *tenantdb.Store
	plane   *dataplane.Server
	sights  *dataplane.Sights
	running *dataplane.Running
	client  *client.Client
	poster  *webhook.Poster
	figures *telemetry.Fleet
	workers *workers.Control
	// taking are the workers once they take what crawlers say.
	taking atomic.Pointer[workers.Control]
}

// startControl opens the stores and serves. After an error nothing is left open.
func startControl(
	ctx context.Context, cfg config.Config, dir *config.Dir, dial client.Options,
	registry prometheus.Registerer, log *zap.Logger,
) (c *control, err error) {
	c = &control{dir: dir, running: dataplane.NewRunning()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop(context.WithoutCancel(ctx)))
		}
	}()
	asked := cfg
	if cfg, err = discover(ctx, cfg); err != nil {
		return c, err
	}
	secret, err := dir.Secret()
	if err != nil {
		return c, err
	}
	if err := c.openStores(ctx, cfg, dir); err != nil {
		return c, err
	}
	c.figures = telemetry.NewFleet(registry, telemetry.FleetOptions{Gauges: c.store, Dir: dir.Path})
	c.poster = webhook.New(webhook.Options{
		Secret: func(t fleet.TenantID) fleet.Secret { return fleet.WebhookSecret(secret, t) },
		Reach:  reach(cfg), UserAgent: "crawlfleet/" + thisBuild().Version,
	})
	seams := c.seams(dir)
	if err := c.startPlane(ctx, cfg, dir, seams, secret, log); err != nil {
		return c, err
	}
	if c.client, err = dialPatiently(ctx, dial, log); err != nil {
		return c, err
	}
	machines, err := c.openMachines(cfg, asked, dial, seams.crawlerEnv, log)
	if err != nil {
		return c, err
	}
	if c.workers, err = workers.NewControl(c.workerOptions(cfg, seams, machines, secret, log)); err != nil {
		return c, err
	}
	if err := c.workers.Start(ctx); err != nil {
		return c, err
	}
	c.taking.Store(c.workers)
	return c, nil
}

// openMachines opens the providers, whose crawlers get what reaches the control side, and
// extra. asked is the configuration without what the substrates know.
func (c *control) openMachines(
	cfg, asked config.Config, dial client.Options, extra map[string]string, log *zap.Logger,
) (opened, error) {
	ca, err := gatewayCA(cfg, c.dir)
	if err != nil {
		return nil, err
	}
	local, remote := c.crawlerEnv(cfg, dial), commonEnv(cfg)
	maps.Copy(remote, gatewayEnv(cfg, ca))
	maps.Copy(local, extra)
	maps.Copy(remote, extra)
	return openSubstrates(cfg, c.dir, substrateParts{
		asked: asked, local: local, remote: remote, environ: dial.Environ, log: log,
	})
}

func (c *control) workerOptions(
	cfg config.Config, s seams, machines opened, secret fleet.Secret, log *zap.Logger,
) workers.ControlOptions {
	id := c.dir.Stamp.Fleet
	maker := credential.Maker{Fleet: id, Secret: secret}
	return workers.ControlOptions{
		Client: c.client.Temporal(), Namespace: c.client.Namespace(),
		Fleet: id, Control: s.control, Data: s.data,
		Providers: machines.providers(), Accounts: accounts(cfg),
		Allow: cfg.AllowPrivate,
		Retry: fleet.DeliveryRetry{
			First: fleet.Duration(cfg.Webhook.RetryFirst), Most: fleet.Duration(cfg.Webhook.RetryMost),
			For: fleet.Duration(cfg.Webhook.RetryFor),
		},
		Poster: c.poster, Count: counted(c.figures),
		KeepEvery: cfg.Keeper.Every, SpendEvery: cfg.Keeper.SpendEvery,
		// The crawlers of a substrate have the same: its provider adds what is their own.
		Env:       c.ownEnv,
		IdleAfter: cfg.Crawler.IdleAfter,
		Token: func(in fleet.CrawlerInput) fleet.Secret {
			if !direct(cfg, in.Provider) {
				return maker.Bootstrap(fleet.CrawlerRef{Tenant: in.Tenant, GUID: in.GUID})
			}
			return dataplane.Token(secret, fleet.Key{Fleet: id, Tenant: in.Tenant, GUID: in.GUID})
		},
		Proven:  func(g fleet.GUID, h fleet.Hello) error { return maker.Proven(g, h, time.Now()) },
		Running: c.running.Of,
		Build:   thisBuild().id(), Log: log, Interceptors: s.interceptors, Clock: clock(c.dir),
	}
}

// arrived hands on that a crawler polls; before the workers run, its Hello will say so.
func (c *control) arrived(ctx context.Context, h fleet.Hello) error {
	if w := c.taking.Load(); w != nil {
		return w.Arrived(ctx, h)
	}
	return nil
}

func (c *control) openStores(ctx context.Context, cfg config.Config, dir *config.Dir) (err error) {
	if c.store, err = openControl(ctx, cfg, dir, false); err != nil {
		return err
	}
	c.data, err = openTenants(cfg, dir, false)
	return err
}

func (c *control) startPlane(
	ctx context.Context, cfg config.Config, dir *config.Dir, s seams, secret fleet.Secret,
	log *zap.Logger,
) error {
	c.sights = dataplane.NewSights(c.store, log)
	c.sights.Start(ctx)
	handler, err := dataplane.New(dataplane.Options{
		Data: s.plane, Leases: c.store, Sights: c.sights, Running: c.running,
		Tokens: dataplane.Tokens{Fleet: dir.Stamp.Fleet, Secret: secret}, Gate: c.store,
		Ready: c.arrived, Log: log,
	})
	if err != nil {
		return err
	}
	c.plane = &dataplane.Server{Handler: c.figures.Served("data_plane", handler), Addr: cfg.DataPlane.Listen, Log: log}
	err = listen(ctx, cfg.DataPlane.Listen, "--data-plane-listen", func() error {
		return c.plane.Start(ctx)
	})
	if err != nil {
		c.plane = nil
	}
	return err
}

// stop ends what was started, from the outside in: no new work, then no new
// batches, then the databases.
func (c *control) stop(ctx context.Context) error {
	var err error
	if c.workers != nil {
		err = errors.Join(err, c.workers.Stop(ctx))
	}
	if c.plane != nil {
		err = errors.Join(err, c.plane.Stop(ctx))
	}
	if c.sights != nil {
		c.sights.Stop(ctx)
	}
	if c.client != nil {
		c.client.Close()
	}
	if c.poster != nil {
		c.poster.Close()
	}
	if c.data != nil {
		err = errors.Join(err, c.data.Shutdown())
	}
	if c.store != nil {
		err = errors.Join(err, c.store.Close())
	}
	return err
}

// openControl opens the control store for the worker, or read-only for a door.
func openControl(
	ctx context.Context, cfg config.Config, dir *config.Dir, readOnly bool,
) (*controldb.Store, error) {
	return controldb.Open(ctx, controlOptions(cfg, dir, offerings(cfg), readOnly))
}

func controlOptions(
	cfg config.Config, dir *config.Dir, places []fleet.Offering, readOnly bool,
) controldb.Options {
	return controldb.Options{
		Path: dir.Control(), Postgres: cfg.Store, ReadOnly: readOnly, Fleet: dir.Stamp.Fleet,
		Offerings: places, Pins: pins(places),
		UnplacedMax: unplacedMax, AllowPrivate: cfg.AllowPrivate, AllowPorts: cfg.AllowPorts, IgnoreRobots: cfg.IgnoreRobots,
		Clock: clock(dir), NewGUID: newGUID,
		Egress: controldb.EgressOptions{
			Remember: cfg.Egress.Remember, ShareBans: cfg.Egress.Bans == "shared",
			Ban: plan.BanTimes{First: cfg.Egress.BanFirst, Most: cfg.Egress.BanMost},
		},
		Cooldowns: map[fleet.Class]time.Duration{
			fleet.ClassCapacity: cfg.Cooldown.Capacity, fleet.ClassQuota: cfg.Cooldown.Quota,
			fleet.ClassAmbiguous: cfg.Cooldown.Failure, fleet.ClassRetryable: cfg.Cooldown.Failure,
			fleet.ClassFatal: cfg.Cooldown.Failure,
		},
	}
}

// openTenants opens the tenants' databases for the worker, or read-only for a door.
func openTenants(cfg config.Config, dir *config.Dir, readOnly bool) (*tenantdb.Store, error) {
	o := tenantdb.Options{Dir: dir.Tenants(), ReadOnly: readOnly}
	if cfg.Store != "" {
		var err error
		if o.Secret, err = dir.Secret(); err != nil {
			return nil, err
		}
		o.Postgres, o.Fleet = cfg.Store, dir.Stamp.Fleet
	}
	return tenantdb.Open(o)
}

// newGUID is a UUID of version 7: it sorts by time, which a person who reads a list
// of crawlers is glad of.
func newGUID() fleet.GUID { return fleet.GUID(uuid.Must(uuid.NewV7()).String()) }

// ready reports whether tickets can be taken: the control store and Temporal answer, and
// there is room to write.
func (c *control) ready(ctx context.Context) error {
	if _, err := c.store.Tenants(ctx); err != nil {
		return err
	}
	if err := c.dir.Writable(); err != nil {
		return err
	}
	_, err := c.client.Temporal().CheckHealth(ctx, nil)
	return err
}
