package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

const (
	// stopWithin bounds a clean stop: longer than crawlers may take to hand back.
	stopWithin = 30 * time.Second
	// workerReadyWithin bounds the start of the control worker: migrations of a large store.
	workerReadyWithin = time.Minute
)

// embedded is a whole fleet on this machine: the Temporal server, unless the
// environment names another, the control worker, and the tenants' pages, all kept running.
type embedded struct {
	cfg     config.Config
	dir     *config.Dir
	environ []string
	log     *zap.Logger

	server *devserver.Server // nil when another Temporal server is used
	worker *devserver.Child
	web    *devserver.Child // nil when no address is given
	gate   *devserver.Child // the gateway; nil when no address is given
	at     config.Running
}

// startEmbedded starts the fleet in its data directory and returns when tickets can
// be taken. After an error nothing is left running. temporalServer is the path of
// crawlfleet-server; it is not needed where the environment names a server.
func startEmbedded(ctx context.Context, e *embedded, temporalServer func() (string, error)) error {
	external, err := client.Configured(e.environ)
	seen := e.cfg
	if err == nil { // the worker asks again, and goes on asking
		seen, err = discover(ctx, e.cfg)
	}
	if err != nil {
		return err
	}
	if !external {
		if err := e.startServer(ctx, temporalServer); err != nil {
			return err
		}
	}
	// Made here, by the one who holds the directory; the worker only reads it.
	_, err = e.dir.Secret()
	if err == nil {
		_, err = gatewayCA(e.cfg, e.dir)
	}
	if err == nil {
		err = e.startWorker(ctx)
	}
	if err == nil { // which has made the stores
		err = errors.Join(e.startGateway(ctx), e.startWeb(ctx))
	}
	if err != nil {
		return errors.Join(err, e.stop(context.WithoutCancel(ctx)))
	}
	e.at.Contact, e.at.Offerings, e.at.AllowPrivate = e.cfg.Contact, offerings(seen), e.cfg.AllowPrivate
	e.at.AllowPorts, e.at.IgnoreRobots = e.cfg.AllowPorts, e.cfg.IgnoreRobots
	e.at.PID, e.at.Started = os.Getpid(), time.Now()
	if err := e.dir.SetRunning(e.at); err != nil {
		return errors.Join(err, e.stop(context.WithoutCancel(ctx)))
	}
	return nil
}

func (e *embedded) startServer(ctx context.Context, program func() (string, error)) error {
	if err := noStrangers(e.dir, e.cfg.Temporal.Port); err != nil {
		return err
	}
	path, err := program()
	if err != nil {
		return err
	}
	attributes := map[string]string{}
	for _, name := range fleet.SearchAttributes() {
		attributes[name] = "Keyword"
	}
	t := e.cfg.Temporal
	e.server = devserver.NewServer(devserver.ServerOptions{
		Program: path, DataDir: e.dir.Temporal(), Log: filepath.Join(e.dir.Logs(), "temporal.log"),
		Port: t.Port, UIPort: t.UIPort, Namespace: t.Namespace, Retention: t.Retention,
		SearchAttributes: attributes, PortFlag: "--temporal-port", UIPortFlag: "--temporal-ui-port",
		Env: e.serverEnv(), Logger: e.log,
	})
	if err := e.server.Start(ctx); err != nil {
		e.server = nil
		return err
	}
	e.at.Temporal, e.at.UI, e.at.Namespace = e.server.Address(), e.server.UIURL(), t.Namespace
	return nil
}

// serverEnv is the environment of the Temporal server: without the fleet's settings and what
// PostgreSQL's clients read. They are of no use to it, and may hold passwords and keys.
func (e *embedded) serverEnv() []string {
	return slices.DeleteFunc(slices.Clone(e.environ), func(v string) bool {
		return strings.HasPrefix(v, "CRAWLFLEET_") || strings.HasPrefix(v, "PG")
	})
}

// startWorker starts the control worker as a process of its own: it can be killed
// and comes back, and crawlers outlive it.
func (e *embedded) startWorker(ctx context.Context) error {
	command, err := e.childCommand("worker")
	if err != nil {
		return err
	}
	log := filepath.Join(e.dir.Logs(), "worker.log")
	e.worker = &devserver.Child{
		Name: "control worker", Command: command, Env: e.childEnv(), Log: log,
		ReadyWithin: workerReadyWithin, Grace: stopWithin / 2, Logger: e.log,
		Ready: func(_ context.Context, out *bufio.Reader) error {
			a, err := hear(out, log)
			if err == nil {
				e.at.DataPlane, e.at.HTTP = a.DataPlane, a.HTTP
			}
			return err
		},
	}
	if err := e.worker.Start(ctx); err != nil {
		e.worker = nil
		return err
	}
	return nil
}

// childCommand is a child of this program. It is told its directory on the command line
// too: in the process table that tells the children of two fleets apart.
func (e *embedded) childCommand(name string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []string{self, name, "--" + lifeLineFlag, "--data-dir", e.dir.Path}, nil
}

// childEnv is the environment of a child of this program: the same configuration, and
// the Temporal server of this fleet.
func (e *embedded) childEnv() []string {
	env := append(append([]string(nil), e.environ...), e.cfg.Environ()...)
	if e.server != nil {
		env = append(env, "TEMPORAL_ADDRESS="+e.at.Temporal, "TEMPORAL_NAMESPACE="+e.at.Namespace)
	}
	return env
}

// stop ends the fleet within stopWithin: first who starts crawlers, then the
// crawlers, which hand back what they have, then the Temporal server. Tickets that
// were running go on when the fleet is started again.
func (e *embedded) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	err := e.dir.ClearRunning()
	if e.web != nil {
		err = errors.Join(err, e.web.Stop(ctx))
	}
	if e.worker != nil {
		err = errors.Join(err, e.worker.Stop(ctx))
	}
	err = errors.Join(err, e.stopCrawlers(ctx))
	if e.gate != nil { // through which they have handed back
		err = errors.Join(err, e.gate.Stop(ctx))
	}
	if e.server != nil {
		err = errors.Join(err, e.server.Stop(ctx))
	}
	return err
}

// crawlerGrace is short: the control worker is gone, so that crawlers cannot store
// what they have in flight; those pages are fetched again.
const crawlerGrace = 2 * time.Second

// stopCrawlers ends the crawlers, wherever they run. Their workflows find them gone when
// the fleet is started again.
func (e *embedded) stopCrawlers(ctx context.Context) error {
	all, err := openSubstrates(e.cfg, e.dir, substrateParts{environ: e.environ, ending: true, log: e.log})
	if err != nil {
		return err
	}
	for _, p := range all {
		err = errors.Join(err, e.stopCrawlersOf(ctx, p))
	}
	return err
}

func (e *embedded) stopCrawlersOf(ctx context.Context, p fleet.Provider) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		left := 0
		for i, err := range p.List(ctx, fleet.Filter{Fleet: e.dir.Stamp.Fleet}) {
			if err != nil {
				return fmt.Errorf("list the crawlers: %w", err)
			}
			if i.Phase == fleet.PhaseExited {
				continue
			}
			err := p.Stop(ctx, i.Key, fleet.StopOptions{Grace: crawlerGrace})
			if err != nil && fleet.ClassOf(err) == fleet.ClassNotFound {
				continue
			}
			left++
			if err != nil {
				e.log.Warn("stop a crawler", zap.String("guid", string(i.GUID)), zap.Error(err))
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d crawlers still run: %w", left, ctx.Err())
		case <-time.After(pause):
		}
	}
}
