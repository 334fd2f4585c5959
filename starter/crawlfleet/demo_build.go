package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// buildLineEvery is how often a build says where it is when there is no terminal: often
// enough that nobody takes it for hanging, and some twenty lines for the longest one.
const buildLineEvery = 15 * time.Second

// build finds the crawler's program and, inside a checkout, makes it when it is missing.
// The Temporal server follows when it is needed, by serverProgram.
func (d *demo) build(ctx context.Context) error {
	path, err := findProgram(devserver.CrawlerProgram, d.cfg.Process.Crawler, d.app.Environ)
	if err == nil {
		d.cfg.Process.Crawler = path
		return nil
	}
	root, in := checkout()
	if !in || fleet.CodeOf(err) != fleet.CodeNotFound {
		return err
	}
	d.cfg.Process.Crawler = filepath.Join(root, "bin", string(devserver.CrawlerProgram))
	d.screen.note("building %s, once: about a minute", devserver.CrawlerProgram)
	return buildCrawler(ctx, root, d.cfg.Process.Crawler)
}

// buildCrawler compiles the crawler as the Makefile does.
func buildCrawler(ctx context.Context, root, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out,
		"./workers/crawlfleet-crawler")
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes its work directory
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", devserver.CrawlerProgram, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// serverProgram finds or makes the Temporal server, and says how far that is.
func (d *demo) serverProgram(ctx context.Context) (string, error) {
	var told time.Time
	return temporalServer(ctx, d.cfg.Temporal.Server, d.app.Environ, func(p devserver.Progress) {
		if d.screen.status("%s", p) || p.Total == 0 || time.Since(told) < buildLineEvery {
			return
		}
		told = time.Now()
		d.screen.note("%s", p)
	})
}

// start brings up the site and the fleet, and opens what the acts are judged by.
func (d *demo) start(ctx context.Context) error {
	if err := d.startSite(ctx); err != nil {
		return err
	}
	d.screen.status("starting the fleet")
	e := &embedded{cfg: d.cfg, dir: d.dir, environ: d.app.Environ, log: d.log}
	began := time.Now()
	if err := startEmbedded(ctx, e, func() (string, error) {
		path, err := d.serverProgram(ctx)
		began = time.Now() // what was built is not the start
		return path, err
	}); err != nil {
		return err
	}
	d.fleet = e
	if err := d.open(ctx); err != nil {
		return err
	}
	d.screen.opening(d, time.Since(began))
	return nil
}

// open connects to the fleet as any other program of a user's does: Temporal to steer,
// the stores to read.
func (d *demo) open(ctx context.Context) (err error) {
	keys, err := codecKeys(d.cfg)
	if err != nil {
		return err
	}
	var closing func() error
	d.steer, closing, err = d.app.doors.temporal(ctx, client.Options{
		Environ: d.app.Environ, Address: d.fleet.at.Temporal, Namespace: d.fleet.at.Namespace, Keys: keys,
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, closing)
	if d.control, closing, err = d.app.doors.control(ctx, d.dir, d.cfg); err != nil {
		return fmt.Errorf("open control store: %w", err)
	}
	d.closers = append(d.closers, closing)
	if d.tenants, closing, err = d.app.doors.tenants(ctx, d.dir, d.cfg); err != nil {
		return fmt.Errorf("open tenants' databases: %w", err)
	}
	d.closers = append(d.closers, closing)
	return nil
}

func (d *demo) startSite(ctx context.Context) error {
	if d.o.url != "" {
		return nil
	}
	d.site = sample.New(sample.Options{Hosts: d.siteHosts, Log: d.logs[1]})
	if err := d.site.Start(ctx); err != nil {
		d.site = nil
		return err
	}
	return nil
}

// stop ends the fleet and the site, and looks whether any process is left.
func (d *demo) stop(ctx context.Context) (actReport, error) {
	ctx, cancel := context.WithTimeout(ctx, stopWithin+actWithin/6) // the fleet has its own deadline
	defer cancel()
	r := actReport{Title: "stop"}
	began := time.Now()
	var children map[string]int
	// First the readers: who closes a database last writes its log back, and that has to
	// be the one who may write.
	err := d.close()
	if d.fleet != nil {
		d.screen.status("stopping")
		children = d.children()
		err = errors.Join(err, d.fleet.stop(ctx))
	}
	err = errors.Join(err, d.stopNomad())
	if d.site != nil {
		err = errors.Join(err, d.site.Stop(ctx))
	}
	if d.fleet != nil {
		crawlers, lookErr := d.processes(ctx)
		err = errors.Join(err, lookErr)
		r.check(judgeProcesses("after the stop", 0, crawlers)...)
		r.check(judgeGone(children, alive)...)
		r.say("stopped in %s; no process is left", span(time.Since(began)))
	}
	err = errors.Join(err, d.stopDocker(ctx))
	return r, errors.Join(err, d.closeLogs(), d.dir.Close())
}

// close ends the connections, the last one first.
func (d *demo) close() (err error) {
	for _, closing := range slices.Backward(d.closers) {
		err = errors.Join(err, closing())
	}
	d.closers = nil
	return err
}

// children are the fleet's processes besides the crawlers, by name.
func (d *demo) children() map[string]int {
	all := map[string]int{}
	if d.fleet.worker != nil {
		all["control worker"] = d.fleet.worker.PID()
	}
	if d.fleet.server != nil {
		all["Temporal server"] = d.fleet.server.PID()
	}
	for _, a := range d.nomad {
		all["Nomad "+a.Name()] = a.PID()
	}
	return all
}
