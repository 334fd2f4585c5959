package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/internal/sample"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

const (
	// demoIdle is short enough to be watched and longer than the pause between acts.
	demoIdle = 5 * time.Second
	// demoSlots makes six tickets too many for one crawler.
	demoSlots = 4
	// demoCrawlers is one more than the acts need, so that a third one would be seen.
	demoCrawlers = 3
	// demoOrphan ends the crawlers of a demo that was itself killed.
	demoOrphan = time.Minute
	// actWithin bounds an act: each takes some seconds, and a machine may be ten times slower.
	actWithin = time.Minute
	// visitWithin bounds the polite crawl of a stranger's site: 50 pages at its pace.
	visitWithin = 10 * time.Minute
)

// demoOptions are the command's flags.
type demoOptions struct {
	exit     bool
	url      string
	provider string
}

// demo is one run: a fleet of its own, a site of its own, and the evidence by which
// the acts are judged.
type demo struct {
	app *App
	o   demoOptions
	log *zap.Logger

	cfg   config.Config
	dir   *config.Dir
	fleet *embedded
	site  *sample.Site        // nil when a stranger's site is crawled
	logs  []*os.File          // the supervisor's and the site's
	nomad []*nomadagent.Agent // its own, on that provider
	// docker is its engine, on that provider; siteHosts are where the site listens, empty for
	// loopback.
	docker    demoDocker
	siteHosts []string

	steer   steering
	control fleet.Reader
	tenants fleet.TenantReader
	closers []func() error // of the three

	tenant   fleet.TenantID
	tickets  []*demoTicket
	address  string // the source address of the first crawler, as the site saw it
	screen   *demoScreen
	began    time.Time // of the program
	played   time.Time // of the acts: what was built before is not their time
	external bool      // the environment names the Temporal server
}

// act is one thing that is shown and judged.
type act struct {
	title  string
	within time.Duration
	play   func(ctx context.Context, r *actReport) error
}

func newDemoCommand(app *App) *cobra.Command {
	var o demoOptions
	c := command("demo", "start a fleet of its own, show six acts, and judge them",
		`Starts a fleet on free ports in a fresh directory, builds what is missing when it is run
inside a checkout, and plays six acts against a bundled site of about 300 pages. Each act
is judged by the site's log, the stores and the process table. Where TEMPORAL_ADDRESS is
set that server is used. Exit code 0 means that every act held.

With --provider nomad the crawlers are jobs (raw_exec) of two Nomad nodes that the demo starts,
or of the agent on this machine that NOMAD_ADDR names. With --provider docker they are containers
of the Docker engine on this machine, in a network that the demo makes and removes.

On a terminal the fleet stays up until Ctrl-C. --url crawls another site instead, politely
and 50 pages of it at most.`,
		`  crawlfleet demo
  crawlfleet demo --exit
  crawlfleet demo --provider nomad
  crawlfleet demo --provider docker
  crawlfleet demo --url https://example.com/`, 0, 0,
		func(ctx context.Context, _ []string) error {
			d := &demo{app: app, o: o, screen: newDemoScreen(app), began: time.Now()}
			return d.run(ctx)
		})
	c.Flags().BoolVar(&o.exit, "exit", false, "end after the last act, also on a terminal")
	c.Flags().StringVar(&o.provider, "provider", "process", "where the crawlers run: process, nomad or docker")
	c.Flags().StringVar(&o.url, "url", "", "crawl this site instead of the bundled one")
	app.settingFlags(c.Flags(), "contact", "allowPrivate", "store")
	return c
}

// run is the whole demo. It leaves nothing running, however it ends.
func (d *demo) run(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	defer func() { _ = d.log.Sync() }() // a log that cannot be written is not the demo's matter
	err := d.build(ctx)
	if err == nil {
		err = demoSubstrates()[d.o.provider].start(d, ctx)
	}
	if err == nil {
		err = d.start(ctx)
	}
	var failed int
	if err == nil {
		failed, err = d.play(ctx)
		if err == nil {
			d.summary(context.WithoutCancel(ctx), failed)
			d.stay(ctx)
		}
	}
	stopped, stopErr := d.stop(context.WithoutCancel(ctx))
	d.screen.stopped(stopped)
	failed += len(stopped.Findings)
	err = errors.Join(err, stopErr, d.screen.end())
	switch {
	case ctx.Err() != nil && err != nil:
		d.screen.note("interrupted; everything was stopped, the state is in %s", d.cfg.DataDir)
		return &exitStatus{code: exitError}
	case err != nil:
		return fmt.Errorf("%w (state and logs: %s)", err, d.cfg.DataDir)
	case failed > 0:
		return fleet.Errorf(fleet.CodeInternal, notHeld(failed)).
			WithHint("state and logs: " + d.cfg.DataDir)
	}
	return nil
}

// notHeld says how much was not as it has to be.
func notHeld(findings int) string {
	if findings == 1 {
		return "one thing was not as it has to be"
	}
	return fmt.Sprintf("%d things were not as they have to be", findings)
}

// prepare settles the configuration and the directory. The demo's fleet is its own:
// of the user's configuration only the programs, the contact and the codec's keys count.
func (d *demo) prepare(ctx context.Context) error {
	loaded, err := d.app.config()
	if err != nil {
		return err
	}
	if err := errors.Join(checkDemoProvider(d.o.provider), checkDemoURL(d.o.url)); err != nil {
		return err
	}
	path, err := d.directory()
	if err != nil {
		return err
	}
	d.cfg = demoConfig(loaded.Config, path, d.o.url == "")
	if d.external, err = client.Configured(d.app.Environ); err != nil {
		return err
	}
	d.tenant = "demo"
	if d.external { // others may have shown it there before
		d.tenant = fleet.TenantID("demo-" + d.began.UTC().Format("0102-150405"))
	}
	if d.dir, err = openDir(ctx, path, zap.NewNop()); err != nil {
		return err
	}
	if d.cfg.Store, err = d.dir.Store(demoStore(loaded.Store, d.dir.Stamp.Fleet)); err != nil {
		return errors.Join(err, d.dir.Close())
	}
	return d.openLogs()
}

// demoStore gives each demo a schema of its own in a PostgreSQL database, as it has a
// directory of its own: a store belongs to one fleet.
func demoStore(given fleet.Secret, id fleet.FleetID) fleet.Secret {
	u, err := url.Parse(given.Reveal())
	if given == "" || err != nil || u.Query().Get("search_path") != "" {
		return given // what is wrong with it is said when it is opened
	}
	q := u.Query()
	q.Set("search_path", controldb.Schema+"_"+string(id))
	u.RawQuery = q.Encode()
	return fleet.Secret(u.String())
}

// openLogs opens the supervisor's log and, for the bundled site, its access log.
func (d *demo) openLogs() error {
	if err := os.MkdirAll(d.dir.Logs(), 0o700); err != nil {
		return fmt.Errorf("make the logs' directory: %w", err)
	}
	for _, name := range []string{"demo.log", "site.jsonl"} {
		f, err := os.OpenFile(filepath.Join(d.dir.Logs(), name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return errors.Join(fmt.Errorf("open a log of the demo: %w", err), d.closeLogs())
		}
		d.logs = append(d.logs, f)
	}
	var err error
	d.log, err = telemetry.NewLogger(d.logs[0], telemetry.LogOptions{Level: "info", Format: "json"})
	return err
}

func (d *demo) closeLogs() (err error) {
	for _, f := range d.logs {
		err = errors.Join(err, f.Close())
	}
	d.logs = nil
	return err
}

// demoConfig is the configuration of a demo's fleet in path.
func demoConfig(user config.Config, path string, bundled bool) config.Config {
	c := config.Default(path)
	c.Contact, c.Codec = user.Contact, user.Codec
	c.Temporal.Server, c.Process.Crawler = user.Temporal.Server, user.Process.Crawler
	c.Temporal.Port, c.Temporal.UIPort = 0, 0
	c.HTTP.Listen, c.DataPlane.Listen, c.Web.Listen = "127.0.0.1:0", "127.0.0.1:0", ""
	c.Crawler.IdleAfter, c.Crawler.OrphanAfter = demoIdle, demoOrphan
	c.AllowPrivate, c.AllowPorts = user.AllowPrivate, user.AllowPorts
	if bundled {
		c.AllowPrivate = append(c.AllowPrivate[:len(c.AllowPrivate):len(c.AllowPrivate)],
			demoLoopback())
	}
	return c
}

// demoLoopback is where the bundled site listens, unless the crawlers are in containers.
func demoLoopback() netip.Prefix { return netip.MustParsePrefix("127.0.0.0/8") }

func checkDemoURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return &exitStatus{code: exitUsage, err: fleet.Invalid("url", fmt.Sprintf("%q is not a site", text),
			"an absolute http or https URL")}
	}
	return nil
}

// directory is the one that --data-dir names, which must be empty or new, else a
// fresh one in the user's cache.
func (d *demo) directory() (string, error) {
	if given := d.app.settings["dataDir"]; given != "" {
		entries, err := os.ReadDir(given)
		if err == nil && len(entries) > 0 {
			return "", fleet.Invalid("dataDir", given+" is not empty", "a new or an empty directory for the demo")
		}
		return given, nil
	}
	parent := filepath.Join(os.TempDir(), "crawlfleet")
	if cache := d.app.lookupEnv("XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		parent = filepath.Join(cache, "crawlfleet")
	} else if home := d.app.lookupEnv("HOME"); filepath.IsAbs(home) {
		parent = filepath.Join(home, ".cache", "crawlfleet")
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fleet.Invalid("dataDir", err.Error(), "a directory that can be written to").
			WithHint("name one with --data-dir")
	}
	return os.MkdirTemp(parent, "demo-"+d.began.Format("20060102-150405")+"-")
}
