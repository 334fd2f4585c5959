package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
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
		Ready: func(_ context.Context, out *bufio.Reader) error { return e.webReady(out, log) },
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

func (e *embedded) webReady(out *bufio.Reader, log string) error {
	b, err := out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("it ended before it was ready; see %s", log)
	}
	var line webLine
	if err := json.Unmarshal(b, &line); err != nil {
		return fmt.Errorf("it said %q: %w", b, err)
	}
	if line.Error != nil {
		return line.Error
	}
	e.at.Web = line.URL
	return nil
}
