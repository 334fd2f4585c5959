package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/credential"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func newGatewayCommand(app *App) *cobra.Command {
	c := serving(app, "gateway", "the door for crawlers off this machine",
		`Serves Temporal and the data plane to crawlers that are not on this machine, over TLS, and
nothing of either but what a crawler needs: its own queues, its own tasks, its own tickets.
It reads the fleet's secret and authority in the data directory, and writes nothing. It may
be killed at any moment, and there may be several.

It prints one JSON line when it serves. SIGTERM ends it. crawlfleet dev runs one of its own
where gateway.listen is set.`,
		`  crawlfleet gateway --gateway-listen 10.0.0.5:8237
  crawlfleet gateway --gateway-listen 0.0.0.0:8237 --gateway-url https://gateway.example.com:8237`,
		runGateway)
	app.settingFlags(c.Flags(), "gateway.listen", "gateway.url", "gateway.names", "gateway.cert",
		"gateway.key", "gateway.http", "gateway.dataPlane", "gateway.lasts", "gateway.rate",
		"dataPlane.listen", "log.level", "log.format")
	return c
}

// gatewayStopWithin is for batches that are being committed.
const gatewayStopWithin = 5 * time.Second

func runGateway(ctx context.Context, f *foreground, cfg config.Config) error {
	if cfg.Gateway.Listen == "" {
		return fleet.Invalid("gateway.listen", "is empty", "host:port")
	}
	telemetry.TuneMemory(f.Environ, gcPercent, memoryLimit)
	dir, err := f.dir()
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	temporal, err := upstream(f.App, cfg, f.log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	door, err := newGateway(cfg, dir, temporal, telemetry.NewGateway(registry, gateway.Refusals()), f.log)
	if err != nil {
		return err
	}
	certificates, err := gatewayCertificates(cfg, dir)
	if err != nil {
		return err
	}
	listener, err := listenFor(ctx, cfg.Gateway.Listen, "--gateway-listen")
	if err != nil {
		return err
	}
	server, err := gateway.Serve(listener, certificates, door, f.log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	health, err := startHealth(ctx, cfg.Gateway.HTTP, "--gateway-http", telemetry.NewHandler(door.Ready, registry))
	if err == nil {
		err = f.serve(ctx, announcement{URL: cfg.Gateway.Address(), HTTP: health.URL()})
	}
	end, cancel := stopping(ctx, gatewayStopWithin)
	defer cancel()
	return errors.Join(err, server.Stop(end), health.Stop(end))
}

// upstream is the connection to Temporal that crawlers' calls are carried on.
func upstream(app *App, cfg config.Config, log *zap.Logger) (*client.Client, error) {
	keys, err := codecKeys(cfg)
	if err != nil {
		return nil, err
	}
	return client.Upstream(client.Options{
		Environ: app.Environ, Keys: keys, Namespace: cfg.Temporal.Namespace,
		Address:  fmt.Sprintf("127.0.0.1:%d", cfg.Temporal.Port),
		Identity: "gateway", Logger: telemetry.SDKLogger(log),
	})
}

func newGateway(
	cfg config.Config, dir *config.Dir, temporal *client.Client, figures gateway.Count, log *zap.Logger,
) (*gateway.Gateway, error) {
	secret, err := dir.Secret()
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Options{
		Maker:    credential.Maker{Fleet: dir.Stamp.Fleet, Secret: secret},
		Temporal: temporal.Temporal().WorkflowService(), Namespace: temporal.Namespace(),
		Plane:  cmp.Or(cfg.Gateway.DataPlane, "http://"+cfg.DataPlane.Listen),
		Limits: gateway.Limits{Rate: float64(cfg.Gateway.Rate)},
		Lasts:  cfg.Gateway.Lasts, Count: figures, Log: log,
	})
}

func authority(dir *config.Dir) (*gateway.Authority, error) {
	text, err := dir.Kept(config.AuthorityFile, func() ([]byte, error) {
		return gateway.NewAuthority(dir.Stamp.Fleet, time.Now())
	})
	if err != nil {
		return nil, fleet.Errorf(fleet.CodeUnavailable, "the gateway's authority is not there: "+err.Error()).
			WithHint("the control worker makes it, where gateway.listen or gateway.url is set")
	}
	return gateway.ReadAuthority(text)
}

// gatewayCA is what crawlers check the gateway's certificate by, PEM; empty for the
// authorities of their system. Who holds the directory makes the fleet's own.
func gatewayCA(cfg config.Config, dir *config.Dir) ([]byte, error) {
	if !cfg.Gateway.On() || cfg.Gateway.Cert != "" {
		return nil, nil
	}
	a, err := authority(dir)
	if err != nil {
		return nil, err
	}
	return a.PEM(), nil
}

func gatewayCertificates(cfg config.Config, dir *config.Dir) (*gateway.Certificates, error) {
	g := cfg.Gateway
	if g.Cert != "" {
		return gateway.FromFiles(g.Cert, g.Key), nil
	}
	host := ""
	if u, err := url.Parse(g.URL); err == nil {
		host = u.Hostname()
	}
	names, err := gateway.Names(g.Listen, append(g.Names, host)...)
	if err != nil {
		return nil, err
	}
	a, err := authority(dir)
	if err != nil {
		return nil, err
	}
	return gateway.Issued(a, names), nil
}
