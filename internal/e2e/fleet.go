package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

const loopback = "127.0.0.1"

// Options say how a fleet is run.
type Options struct {
	// Dev runs `crawlfleet dev`, which starts the server and the worker itself; else the
	// harness starts the two beside each other, so that each can be killed by itself.
	Dev bool
	// External has dev use a Temporal server that the harness starts, by TEMPORAL_ADDRESS.
	External bool
	// Data is a directory that holds the fleet's data; empty for one in the fleet's own.
	Data string
	// Store is the URL of a PostgreSQL database for the rows; empty for files.
	Store fleet.Secret
	// Gateway sends the crawlers through a gateway.
	Gateway bool
	// Wires lays wires, which can be cut, between the crawlers, the gateway and what is behind it.
	Wires bool
	// Settings are settings of the programs, by the name of their flag without dashes
	// before it ("crawler-idle-after"). They win over the harness's short times.
	Settings map[string]string
	// Dynamic are values of Temporal's dynamic configuration, as JSON by their keys, where
	// the harness starts the server.
	Dynamic map[string]string
}

// Fleet is a whole fleet in a directory of its own.
type Fleet struct {
	Dir string
	// Temporal is the server's host and port, Plane the data plane's; they stay the same
	// over restarts.
	Temporal, Plane string
	// Health and ServerHealth are where the control worker and the server the harness
	// starts tell how they are: host and port.
	Health, ServerHealth string
	// Gateway is the gateway's host and port, GatewayHealth where it tells how it is; empty
	// without one.
	Gateway, GatewayHealth string
	// Upstream is where the gateway finds Temporal from its next start on, where that is not
	// the server itself.
	Upstream string
	// Wires are there where the options ask for them: from the crawlers to the gateway, and from
	// there to Temporal and to the data plane. All else goes past them.
	Wires struct{ Gateway, Temporal, Plane *Wire }
	// Server, Worker and Gate are the programs; what dev supervises is nil.
	Server, Worker, Gate *Process
	// Dev is `crawlfleet dev`, or nil.
	Dev *Process

	// Client steers; Control and Data read the databases beside the fleet.
	Client  *client.Client
	Control *controldb.Store
	Data    *tenantdb.Store

	programs Programs
	o        Options
	ports    struct{ temporal, plane, health, server, gateway, gatewayHealth int }
	base     []string // the environment of every program
	tenants  atomic.Int64
}

// fleets numbers the fleets of a run, for addresses of their own.
var fleets atomic.Int64

// Start starts a fleet and returns when it takes tickets. After an error nothing runs.
func Start(ctx context.Context, p Programs, o Options) (*Fleet, error) {
	dir, err := os.MkdirTemp("", "crawlfleet-e2e-")
	if err != nil {
		return nil, fmt.Errorf("start a fleet: %w", err)
	}
	f := &Fleet{Dir: dir, programs: p, o: o}
	if err := f.begin(ctx); err != nil {
		f.end()
		return nil, errors.Join(fmt.Errorf("start a fleet: %w", err), os.RemoveAll(dir))
	}
	return f, nil
}

func (f *Fleet) begin(ctx context.Context) error {
	if err := f.prepare(); err != nil {
		return err
	}
	if err := f.StartAll(); err != nil {
		return err
	}
	return f.connect(ctx)
}

// StartAll starts the whole fleet again, on the same ports and directory.
func (f *Fleet) StartAll() error {
	if !f.o.Dev || f.o.External {
		if err := f.StartServer(); err != nil {
			return err
		}
	}
	if f.o.Dev {
		return f.StartDev()
	}
	if err := f.StartWorker(); err != nil || !f.o.Gateway {
		return err
	}
	return f.StartGateway()
}

// StartGateway starts the gateway, on the same ports as before.
func (f *Fleet) StartGateway() error {
	var err error
	f.Gate, err = start("the gateway", f.log("gateway"), f.at(cmp.Or(f.Upstream, f.Temporal)), f.command(), "gateway")
	if err != nil {
		return err
	}
	line, err := f.Gate.ready(serveWithin)
	if err != nil {
		return err
	}
	return said(line)
}

// StartWorker starts the control worker, on the same ports and directory as before.
func (f *Fleet) StartWorker() error {
	var err error
	f.Worker, err = start("the control worker", f.log("worker"), f.atServer(), f.command(), "worker")
	if err != nil {
		return err
	}
	line, err := f.Worker.ready(serveWithin)
	if err != nil {
		return err
	}
	return said(line)
}

// StartDev starts `crawlfleet dev`, on the same ports and directory as before.
func (f *Fleet) StartDev() error {
	var err error
	f.Dev, err = start("crawlfleet dev", f.log("dev"), f.environ(), f.command(), "dev", "-o", "jsonl")
	if err != nil {
		return err
	}
	_, err = f.Dev.ready(serveWithin)
	return err
}

// connect opens what the tests read and steer with.
func (f *Fleet) connect(ctx context.Context) error {
	var err error
	if f.Client, err = client.Dial(ctx, client.Options{Address: f.Temporal, Namespace: "default"}); err != nil {
		return err
	}
	dir, err := config.LookDir(f.DataDir())
	if err != nil {
		return err
	}
	secret, err := dir.Secret()
	if err != nil {
		return err
	}
	f.Control, err = controldb.Open(ctx, controldb.Options{
		Path: dir.Control(), Postgres: f.o.Store, Fleet: dir.Stamp.Fleet, ReadOnly: true, Clock: time.Now,
		NewGUID: func() fleet.GUID { return "" },
	})
	if err != nil {
		return err
	}
	f.Data, err = tenantdb.Open(tenantdb.Options{
		Dir: dir.Tenants(), Postgres: f.o.Store, Fleet: dir.Stamp.Fleet, Secret: secret, ReadOnly: true,
	})
	return err
}

// KillAll ends everything at once with SIGKILL: server, worker and crawlers.
func (f *Fleet) KillAll() error {
	children, err := f.Processes()
	if err != nil {
		return err
	}
	for _, p := range []*Process{f.Dev, f.Worker, f.Gate, f.Server} {
		if p != nil {
			p.Kill()
		}
	}
	for _, c := range children {
		Kill(c.PID)
	}
	return nil
}

// Close drains the fleet, audits it, stops it and removes its directory. What it finds
// wrong is its error; the directory is kept then.
func (f *Fleet) Close(ctx context.Context) error {
	err := errors.Join(f.revive(), f.Drain(ctx))
	err = errors.Join(err, f.audit(ctx), f.stop())
	f.end()
	err = errors.Join(err, f.leftOver())
	if err != nil {
		return fmt.Errorf("%w\n(state and logs are kept in %s)", err, f.Dir)
	}
	return os.RemoveAll(f.Dir)
}

// Leave ends the fleet as it is, with SIGKILL. Its directory is kept.
func (f *Fleet) Leave() error {
	err := f.KillAll()
	f.end()
	return err
}

// revive starts again what a test has killed, so that the books can be closed.
func (f *Fleet) revive() error {
	if f.Server != nil && !f.Server.Running() {
		if err := f.StartServer(); err != nil {
			return err
		}
	}
	if f.Gate != nil && !f.Gate.Running() {
		if err := f.StartGateway(); err != nil {
			return err
		}
	}
	switch {
	case f.o.Dev && !f.Dev.Running():
		return f.StartDev()
	case !f.o.Dev && !f.Worker.Running():
		return f.StartWorker()
	}
	return nil
}

// stop ends the programs as a person does, who starts crawlers first.
func (f *Fleet) stop() error {
	var err error
	for _, p := range []*Process{f.Dev, f.Worker, f.Gate, f.Server} {
		if p != nil {
			err = errors.Join(err, p.Stop(stopWithin))
		}
	}
	return err
}

// end closes what is open and kills what still runs.
func (f *Fleet) end() {
	if f.Client != nil {
		f.Client.Close()
	}
	if f.Control != nil {
		_ = f.Control.Close() // it was only read
	}
	if f.Data != nil {
		_ = f.Data.Shutdown()
	}
	for _, p := range []*Process{f.Dev, f.Worker, f.Gate, f.Server} {
		if p != nil {
			p.Kill()
		}
	}
	for _, w := range []*Wire{f.Wires.Gateway, f.Wires.Temporal, f.Wires.Plane} {
		if w != nil {
			_ = w.Close() // nobody uses it any more
		}
	}
}
