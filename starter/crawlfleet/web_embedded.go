package main

import (
	"bufio"
	"context"
	"net"
	"path/filepath"
	"strconv"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// startWeb starts the tenants' pages as a process of their own, which holds nothing up
// when it ends. Without an address it does nothing.
func (e *embedded) startWeb(ctx context.Context) error {
	if e.cfg.Web.Listen == "" {
		return nil
	}
	command, err := e.childCommand("web")
	if err != nil {
		return err
	}
	if e.cfg.Web.Listen, err = settled(e.cfg.Web.Listen); err != nil {
		return err
	}
	log := filepath.Join(e.dir.Logs(), "web.log")
	e.web = &devserver.Child{
		Name: "pages", Command: command, Env: e.childEnv(),
		Log: log, Grace: 2 * webStopWithin, Logger: e.log,
		Ready: func(_ context.Context, out *bufio.Reader) error {
			a, err := hear(out, log)
			if err == nil {
				e.at.Web = a.URL
			}
			return err
		},
	}
	if err := e.web.Start(ctx); err != nil {
		e.web = nil
		return err
	}
	return nil
}

// settled chooses a port where any will do: the pages come back on the same one when
// their process ends.
func settled(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != "0" {
		return address, err
	}
	ip := host
	if host == "localhost" {
		ip = "127.0.0.1"
	}
	free, err := devserver.FreePorts(ip, 1)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(free[0])), nil
}
