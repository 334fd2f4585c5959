package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
	"github.com/crawlfleet/crawlfleet/internal/web"
)

func newWebCommand(app *App) *cobra.Command {
	c := serving(app, "web", "the tenants' pages",
		`Serves each tenant's pages behind its own key: tickets, crawlers, bills, results. It reads
the stores of the data directory and steers through Temporal, as the commands do; crawlfleet
dev runs one of its own. It listens on loopback: a proxy in front of it speaks TLS.

It prints one JSON line when it serves. SIGTERM ends it.`,
		`  crawlfleet tenant key create ann --tenant demo
  crawlfleet web --web-listen 127.0.0.1:8236 --web-url https://crawls.example.com`,
		runWeb)
	app.settingFlags(c.Flags(), "web.listen", "web.url", "log.level", "log.format")
	return c
}

func runWeb(ctx context.Context, f *foreground, cfg config.Config) error {
	if cfg.Web.Listen == "" {
		return fleet.Invalid("web.listen", "is empty", "127.0.0.1:port")
	}
	o, err := f.webOptions(ctx, cfg, f.log)
	if err != nil {
		return err
	}
	pages, err := web.New(o)
	if err != nil {
		return err
	}
	health := telemetry.NewHandler(func(ctx context.Context) error { return webReady(ctx, o.Control) },
		telemetry.NewRegistry())
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("GET /livez", health)
	mux.Handle("GET /readyz", health)
	listener, err := listenFor(ctx, cfg.Web.Listen, "--web-listen")
	if err != nil {
		return err
	}
	server, err := web.Serve(listener, mux, f.log)
	if err != nil {
		return err
	}
	err = f.serve(ctx, announcement{URL: server.URL()})
	end, cancel := stopping(ctx, webStopWithin)
	defer cancel()
	return errors.Join(err, server.Stop(end))
}

// webStopWithin is for pages that are being sent; a download is cut.
const webStopWithin = 5 * time.Second

// webOptions opens what the pages read and steer.
func (a *App) webOptions(ctx context.Context, cfg config.Config, log *zap.Logger) (web.Options, error) {
	dir, err := a.dir()
	if err != nil {
		return web.Options{}, err
	}
	secret, err := dir.Secret()
	if err != nil {
		return web.Options{}, err
	}
	reader, err := a.reader(ctx)
	if err != nil {
		return web.Options{}, err
	}
	control, ok := reader.(web.Control)
	if !ok {
		return web.Options{}, fmt.Errorf("a %T does not know of keys", reader)
	}
	data, err := a.tenantReader(ctx)
	if err != nil {
		return web.Options{}, err
	}
	steering := &lateSteering{app: a}
	return web.Options{
		Control: control, Data: data, Steer: steering.get, Secret: secret, URL: cfg.Web.URL, Log: log,
	}, nil
}

// webReady reports whether keys can be looked up: the control store answers.
func webReady(ctx context.Context, c web.Control) error {
	_, err := c.KeyOf(ctx, fleet.KeyDigest("readyz"))
	if hasCode(err, fleet.CodeNotFound) {
		return nil
	}
	return err
}
