package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
	"github.com/crawlfleet/crawlfleet/internal/webhook"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/workers"
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
	client  *client.Client
	poster  *webhook.Poster
	figures *telemetry.Fleet
	workers *workers.Control
}

// startControl opens the stores and serves. After an error nothing is left open.
func startControl(
	ctx context.Context, cfg config.Config, dir *config.Dir, dial client.Options,
	registry prometheus.Registerer, log *zap.Logger,
) (c *control, err error) {
	c = &control{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop(context.WithoutCancel(ctx)))
		}
	}()
	secret, err := dir.Secret()
	if err != nil {
		return c, err
	}
	if err := c.openStores(ctx, cfg, dir); err != nil {
		return c, err
	}
	c.figures = telemetry.NewFleet(registry, telemetry.FleetOptions{Gauges: c.store, Dir: dir.Path})
	c.poster = webhook.New(webhook.Options{
		Secret:       func(t fleet.TenantID) fleet.Secret { return fleet.WebhookSecret(secret, t) },
		AllowPrivate: cfg.AllowPrivate, UserAgent: "crawlfleet/" + thisBuild().Version,
	})
	seams := c.seams(dir)
	if err := c.startPlane(ctx, cfg, dir, seams, secret, log); err != nil {
		return c, err
	}
	if c.client, err = client.Dial(ctx, dial); err != nil {
		return c, err
	}
	program, err := findProgram(devserver.CrawlerProgram, cfg.Process.Crawler, dial.Environ)
	if err != nil {
		return c, err
	}
	env := c.crawlerEnv(cfg, dial)
	maps.Copy(env, seams.crawlerEnv)
	provider, err := processProvider(cfg, dir, program, env, log)
	if err != nil {
		return c, err
	}
	c.workers, err = workers.NewControl(workers.ControlOptions{
		Client: c.client.Temporal(), Namespace: c.client.Namespace(),
		Fleet: dir.Stamp.Fleet, Control: seams.control, Data: seams.data,
		Providers: activities.Providers{process.Kind: provider},
		Accounts:  []fleet.Account{process.Account},
		Allow:     cfg.AllowPrivate,
		Retry: fleet.DeliveryRetry{
			First: fleet.Duration(cfg.Webhook.RetryFirst), Most: fleet.Duration(cfg.Webhook.RetryMost),
			For: fleet.Duration(cfg.Webhook.RetryFor),
		},
		Poster: c.poster, Count: counted(c.figures),
		KeepEvery: cfg.Keeper.Every, SpendEvery: cfg.Keeper.SpendEvery,
		// Each crawler of this substrate has the same: the provider adds what is its own.
		Env: func(fleet.CrawlerInput) map[string]string { return nil },
		Token: func(r fleet.CrawlerRef) fleet.Secret {
			return dataplane.Token(secret, fleet.Key{
				Fleet: dir.Stamp.Fleet, Tenant: r.Tenant, GUID: r.GUID,
			})
		},
		Build: thisBuild().id(), Log: log, Interceptors: seams.interceptors,
	})
	if err != nil {
		return c, err
	}
	return c, c.workers.Start(ctx)
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
	handler, err := dataplane.New(dataplane.Options{
		Data: s.plane, Leases: c.store,
		Tokens: dataplane.Tokens{Fleet: dir.Stamp.Fleet, Secret: secret}, Log: log,
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

// formerWorker is how long a worker waits for one before it to let go of a port: its
// supervisor was killed, and it is ending.
const formerWorker = 15 * time.Second

// listen calls start, again while one of our own programs still holds the port, and
// says who holds it when it is anybody else.
func listen(ctx context.Context, address, flag string, start func() error) error {
	give := time.Now().Add(formerWorker)
	for {
		err := start()
		if err == nil || fleet.CodeOf(err) != fleet.CodeBusy {
			return err
		}
		_, text, _ := net.SplitHostPort(address)
		port, _ := strconv.Atoi(text) // an address that is none is not busy
		holder, known := devserver.WhoHolds(port)
		if !known || !strings.HasPrefix(holder.Program, "crawlfleet") || time.Now().After(give) {
			return devserver.PortBusy(port, flag)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// crawlerEnv is what every crawler of this machine gets, besides what is its own.
func (c *control) crawlerEnv(cfg config.Config, dial client.Options) map[string]string {
	env := map[string]string{}
	for _, v := range dial.Environ {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "TEMPORAL_") {
			env[name] = value
		}
	}
	env["TEMPORAL_ADDRESS"] = c.client.Address()
	env["TEMPORAL_NAMESPACE"] = c.client.Namespace()
	env[fleet.EnvDataPlane] = c.plane.URL()
	env[fleet.EnvContact] = cfg.Contact
	env[fleet.EnvAllowPrivate] = prefixes(cfg.AllowPrivate)
	env[fleet.EnvLaunchBudget] = cfg.Crawler.LaunchBudget.String()
	env[fleet.EnvOrphanAfter] = cfg.Crawler.OrphanAfter.String()
	env[fleet.EnvCodecKeys] = cfg.Codec.Keys.Reveal()
	return env
}

func prefixes(all []netip.Prefix) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
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
	return controldb.Open(ctx, controldb.Options{
		Path: dir.Control(), Postgres: cfg.Store, ReadOnly: readOnly, Fleet: dir.Stamp.Fleet,
		Offerings: offerings(cfg), Pins: []fleet.ProviderKind{process.Kind},
		UnplacedMax: unplacedMax, AllowPrivate: cfg.AllowPrivate,
		Clock: clock(dir), NewGUID: newGUID,
		Cooldowns: map[fleet.Class]time.Duration{
			fleet.ClassCapacity: cfg.Cooldown.Capacity, fleet.ClassQuota: cfg.Cooldown.Quota,
			fleet.ClassAmbiguous: cfg.Cooldown.Failure, fleet.ClassRetryable: cfg.Cooldown.Failure,
			fleet.ClassFatal: cfg.Cooldown.Failure,
		},
	})
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

// offerings are the places of this fleet.
func offerings(cfg config.Config) []fleet.Offering {
	places := cfg.Process.Offerings
	if len(places) == 0 {
		places = process.DefaultOfferings(cfg.Process.Capacity)
	}
	places = process.Addressed(places, cfg.Process.Loopback, cfg.Process.Addresses)
	for i := range places {
		if cfg.Crawler.IdleAfter > 0 {
			places[i].IdleAfter = fleet.Duration(cfg.Crawler.IdleAfter)
		}
	}
	return places
}

func processProvider(
	cfg config.Config, dir *config.Dir, program string, env map[string]string, log *zap.Logger,
) (*process.Provider, error) {
	p, err := process.New(process.Options{
		Dir: dir.Crawlers(), Program: program, Env: env, Offerings: offerings(cfg), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("process provider: %w", err)
	}
	return p, nil
}

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
