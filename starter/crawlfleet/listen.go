package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// formerWorker is how long a worker waits for one before it to let go of a port: its
// supervisor was killed, and it is ending.
const formerWorker = 15 * time.Second

// listen calls start, again while one of our own programs still holds the port, and
// says who holds it when it is anybody else.
func listen(ctx context.Context, address, flag string, start func() error) error {
	give := time.Now().Add(formerWorker)
	for {
		err := start()
		if err == nil || fleet.CodeOf(err) != fleet.CodeBusy {
			return err
		}
		_, text, _ := net.SplitHostPort(address)
		port, _ := strconv.Atoi(text) // an address that is none is not busy
		holder, known := devserver.WhoHolds(port)
		if !known || !strings.HasPrefix(holder.Program, "crawlfleet") || time.Now().After(give) {
			return devserver.PortBusy(port, flag)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startHealth serves /livez, /readyz and /metrics; without an address it does nothing.
func startHealth(ctx context.Context, address, flag string, h http.Handler) (*telemetry.Endpoint, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // a nil Endpoint is one that is switched off
	}
	l, err := listenFor(ctx, address, flag)
	if err != nil {
		return nil, err
	}
	return telemetry.Serve(l, h), nil
}

// listenFor listens on an address that a flag names.
func listenFor(ctx context.Context, address, flag string) (l net.Listener, err error) {
	err = listen(ctx, address, flag, func() (err error) {
		var lc net.ListenConfig
		if l, err = lc.Listen(ctx, "tcp", address); err != nil {
			return fleet.Errorf(fleet.CodeBusy, "cannot listen on "+address).Because(err)
		}
		return nil
	})
	return l, err
}
