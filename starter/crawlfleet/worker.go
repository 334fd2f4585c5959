package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func newWorkerCommand(app *App) *cobra.Command {
	c := serving(app, "worker", "the control side: workflows, launches, data plane",
		`Runs the control side of a fleet in the foreground, on the Temporal server that
TEMPORAL_ADDRESS names (the SDK's environment configuration): the four workflows, the
launches, the data plane, the reaper. crawlfleet dev runs one of its own.

It prints one JSON line when it serves. SIGTERM ends it; crawlers outlive it, and the
next worker on the same data directory takes them over.`,
		`  TEMPORAL_ADDRESS=temporal.internal:7233 crawlfleet worker --data-dir /var/lib/crawlfleet`,
		runWorker)
	app.settingFlags(c.Flags(), workerSettings()...)
	return c
}

const (
	// gcPercent lets the control worker's heap, some 10 MB under load, grow to 50 before
	// it is collected: at Go's 100 the collector took 6 % of what a ticket costs here.
	gcPercent = 400
	// memoryLimit is where the collector works as usual again: batches of large pages
	// from many crawlers at a time.
	memoryLimit = 512 << 20
)

// workerSettings are the settings that a worker reads, by path.
func workerSettings() []string {
	return []string{
		"store", "contact", "allowPrivate", "allowPorts", "ignoreRobots", "providers", "log.level", "log.format", "http.listen", "dataPlane.listen",
		"gateway.listen", "gateway.url", "gateway.cert", "gateway.key", "gateway.all",
		"process.crawler", "process.offerings", "process.capacity", "process.loopback",
		"process.addresses", "crawler.idleAfter", "crawler.launchBudget", "crawler.orphanAfter",
		"webhook.retryFirst", "webhook.retryMost", "webhook.retryFor",
		"keeper.every", "keeper.spendEvery",
		"cooldown.capacity", "cooldown.quota", "cooldown.failure",
		"egress.remember", "egress.banFirst", "egress.banMost", "egress.bans",
	}
}

func runWorker(ctx context.Context, f *foreground, cfg config.Config) (err error) {
	telemetry.TuneMemory(f.Environ, gcPercent, memoryLimit)
	dir, err := workerDir(ctx, cfg.DataDir, f.supervised, f.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if cfg.Store, err = dir.Store(cfg.Store); err != nil {
		return err
	}
	return serveWorker(ctx, f, cfg, dir)
}

// workerDir opens the data directory; under a supervisor that one holds it.
func workerDir(ctx context.Context, path string, supervised bool, log *zap.Logger) (*config.Dir, error) {
	if supervised {
		return config.ReadDir(path, thisRelease())
	}
	return openDir(ctx, path, log)
}

func serveWorker(ctx context.Context, f *foreground, cfg config.Config, dir *config.Dir) error {
	registry := telemetry.NewRegistry()
	keys, err := codecKeys(cfg)
	if err != nil {
		return err
	}
	c, err := startControl(ctx, cfg, dir, client.Options{
		Environ: f.Environ, Keys: keys, Namespace: cfg.Temporal.Namespace,
		Address: fmt.Sprintf("127.0.0.1:%d", cfg.Temporal.Port),
		Logger:  telemetry.SDKLogger(f.log), Metrics: telemetry.SDKMetrics(registry),
	}, registry, f.log)
	if err != nil {
		return err
	}
	health, err := startHealth(ctx, cfg.HTTP.Listen, "--http-listen", telemetry.NewHandler(c.ready, registry))
	if err == nil {
		err = f.serve(ctx, announcement{DataPlane: c.plane.URL(), HTTP: health.URL()})
	}
	end, cancel := stopping(ctx, stopWithin/2)
	defer cancel()
	return errors.Join(err, c.stop(end), health.Stop(end))
}
