package main

import (
	"bufio"
	"context"
	"path/filepath"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// startGateway starts the gateway as a process of its own: it is killed and comes back
// without anybody's loss. Without an address it does nothing.
func (e *embedded) startGateway(ctx context.Context) error {
	if e.cfg.Gateway.Listen == "" {
		return nil
	}
	command, err := e.childCommand("gateway")
	if err != nil {
		return err
	}
	env := e.childEnv()
	if e.cfg.Gateway.DataPlane == "" { // its port may be one that was free
		env = append(env, "CRAWLFLEET_GATEWAY_DATA_PLANE="+e.at.DataPlane)
	}
	log := filepath.Join(e.dir.Logs(), "gateway.log")
	e.gate = &devserver.Child{
		Name: "gateway", Command: command, Env: env,
		Log: log, Grace: 2 * gatewayStopWithin, Logger: e.log,
		Ready: func(_ context.Context, out *bufio.Reader) error {
			a, err := hear(out, log)
			if err == nil {
				e.at.Gateway = a.URL
			}
			return err
		},
	}
	if err := e.gate.Start(ctx); err != nil {
		e.gate = nil
		return err
	}
	return nil
}
