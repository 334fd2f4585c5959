package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func newWorkerCommand(app *App) *cobra.Command {
	var lifeLine bool
	c := command("worker", "the control side: workflows, launches, data plane",
		`Runs the control side of a fleet in the foreground, on the Temporal server that
TEMPORAL_ADDRESS names (the SDK's environment configuration): the four workflows, the
launches, the data plane, the reaper. crawlfleet dev runs one of its own.

It prints one JSON line when it serves. SIGTERM ends it; crawlers outlive it, and the
next worker on the same data directory takes them over.`,
		`  TEMPORAL_ADDRESS=temporal.internal:7233 crawlfleet worker --data-dir /var/lib/crawlfleet`,
		0, 0, func(ctx context.Context, _ []string) error { return runWorker(ctx, app, lifeLine) })
	c.Flags().BoolVar(&lifeLine, lifeLineFlag, false, "end when standard input ends")
	_ = c.Flags().MarkHidden(lifeLineFlag) // it exists: it was added one line above
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
		"store", "contact", "allowPrivate", "log.level", "log.format", "http.listen", "dataPlane.listen",
		"process.crawler", "process.offerings", "process.capacity", "process.loopback",
		"process.addresses", "crawler.idleAfter", "crawler.launchBudget", "crawler.orphanAfter",
		"webhook.retryFirst", "webhook.retryMost", "webhook.retryFor",
		"keeper.every", "keeper.spendEvery",
		"cooldown.capacity", "cooldown.quota", "cooldown.failure",
	}
}

func runWorker(ctx context.Context, app *App, lifeLine bool) (err error) {
	out := bufio.NewWriter(app.Out)
	say := func(l workerLine) error {
		if err := json.NewEncoder(out).Encode(l); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return out.Flush()
	}
	defer func() {
		// Under a supervisor the reason goes where it listens, as itself.
		var e *fleet.Error
		if lifeLine && errors.As(err, &e) {
			err = errors.Join(err, say(workerLine{Error: e}))
		}
	}()
	l, err := app.config()
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(app.Err, telemetry.LogOptions{
		Level: l.Log.Level, Format: l.Log.Format,
	})
	if err != nil {
		return err
	}
	telemetry.TuneMemory(app.Environ, gcPercent, memoryLimit)
	dir, err := workerDir(ctx, l.DataDir, lifeLine, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if l.Store, err = dir.Store(l.Store); err != nil {
		return err
	}
	if lifeLine {
		ctx = devserver.WatchLifeLine(ctx, app.In)
	}
	return serveWorker(ctx, app, l.Config, dir, log, say)
}

// workerDir opens the data directory; under a supervisor that one holds it.
func workerDir(ctx context.Context, path string, supervised bool, log *zap.Logger) (*config.Dir, error) {
	if supervised {
		return config.ReadDir(path, thisRelease())
	}
	return openDir(ctx, path, log)
}

func serveWorker(
	ctx context.Context, app *App, cfg config.Config, dir *config.Dir, log *zap.Logger,
	say func(workerLine) error,
) error {
	registry := telemetry.NewRegistry()
	keys, err := codecKeys(cfg)
	if err != nil {
		return err
	}
	c, err := startControl(ctx, cfg, dir, client.Options{
		Environ: app.Environ, Keys: keys, Namespace: cfg.Temporal.Namespace,
		Address: fmt.Sprintf("127.0.0.1:%d", cfg.Temporal.Port),
		Logger:  telemetry.SDKLogger(log), Metrics: telemetry.SDKMetrics(registry),
	}, registry, log)
	if err != nil {
		return err
	}
	health, err := startHealth(ctx, cfg.HTTP.Listen, telemetry.NewHandler(c.ready, registry))
	if err == nil {
		err = say(workerLine{Ready: true, DataPlane: c.plane.URL(), HTTP: health.URL()})
	}
	if err == nil {
		<-ctx.Done()
		log.Info("stopping")
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
	defer cancel()
	return errors.Join(err, c.stop(stopping), health.Stop(stopping))
}

// startHealth serves /livez, /readyz and /metrics; without an address it does nothing.
func startHealth(ctx context.Context, address string, h http.Handler) (*telemetry.Endpoint, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // a nil Endpoint is one that is switched off
	}
	l, err := listenFor(ctx, address, "--http-listen")
	if err != nil {
		return nil, err
	}
	return telemetry.Serve(l, h), nil
}

// listenFor listens on an address that a flag names.
func listenFor(ctx context.Context, address, flag string) (l net.Listener, err error) {
	err = listen(ctx, address, flag, func() (err error) {
		var lc net.ListenConfig
		if l, err = lc.Listen(ctx, "tcp", address); err != nil {
			return fleet.Errorf(fleet.CodeBusy, "cannot listen on "+address).Because(err)
		}
		return nil
	})
	return l, err
}
