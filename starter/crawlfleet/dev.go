package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func newDevCommand(app *App) *cobra.Command {
	c := command("dev", "the embedded fleet in the foreground",
		`Runs a whole fleet on this machine until Ctrl-C: the Temporal server with its Web UI,
the control worker, the tenants' pages, and crawlers as processes. Everything listens on
loopback, only the pages ask for a key, and the state is in the data directory.

Rows are in files of the data directory, or in the PostgreSQL database that the setting
store names (CRAWLFLEET_STORE, or a file that CRAWLFLEET_STORE_FILE names: a password does
not belong on a command line).

Where TEMPORAL_ADDRESS (or the SDK's configuration file) names a Temporal server, that
one is used and none is started.`,
		`  crawlfleet dev
  crawlfleet dev --data-dir ./fleet --temporal-port 0 --temporal-ui-port -1`,
		0, 0, func(ctx context.Context, _ []string) error { return runDev(ctx, app) })
	app.settingFlags(c.Flags(), append(workerSettings(),
		"temporal.server", "temporal.port", "temporal.uiPort", "temporal.namespace",
		"temporal.retention", "web.listen", "web.url",
		"gateway.names", "gateway.http", "gateway.dataPlane", "gateway.lasts", "gateway.rate")...)
	return c
}

func runDev(ctx context.Context, app *App) (err error) {
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
	dir, err := openDir(ctx, l.DataDir, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if l.Store, err = dir.Store(l.Store); err != nil {
		return err
	}
	e := &embedded{cfg: l.Config, dir: dir, environ: app.Environ, log: log}
	if err := startEmbedded(ctx, e, func() (string, error) {
		return temporalServer(ctx, l.Temporal.Server, app.Environ, logProgress(log))
	}); err != nil {
		return err
	}
	if err := app.printRunning(dir, e.at); err != nil {
		return errors.Join(err, e.stop(context.WithoutCancel(ctx)))
	}
	<-ctx.Done()
	log.Info("stopping", zap.Duration("at most", stopWithin))
	return e.stop(context.WithoutCancel(ctx))
}

// logProgress tells of a build every few seconds.
func logProgress(log *zap.Logger) func(devserver.Progress) {
	var last time.Time
	return func(p devserver.Progress) {
		if time.Since(last) < 5*time.Second { // often enough to see that it goes on
			return
		}
		last = time.Now()
		log.Info(p.String())
	}
}

// printRunning says where the fleet is, and what to type next.
func (a *App) printRunning(dir *config.Dir, r config.Running) error {
	return printOne(a, r, func(w io.Writer) {
		rows := []string{"Temporal", r.Temporal + ", namespace " + r.Namespace}
		if r.UI != "" {
			rows = append(rows, "Web UI", r.UI)
		}
		if r.Web != "" {
			rows = append(rows, "pages", r.Web)
		}
		if r.Gateway != "" {
			rows = append(rows, "gateway", r.Gateway)
		}
		rows = append(rows, "data plane", r.DataPlane, "health", r.HTTP, "state", dir.Path)
		facts(w, rows...)
		where := ""
		if _, given := a.settings["dataDir"]; given {
			where = " --data-dir " + dir.Path
		}
		_, _ = fmt.Fprintf(w, `
Next, in another terminal:
  crawlfleet tenant create demo%[1]s
  crawlfleet ticket submit https://example.com/ --tenant demo --max-pages 10 --wait%[1]s
Ctrl-C stops it; the state stays.
`, where)
	})
}
