package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Endpoint serves a program's health and metrics. The nil Endpoint is one that is
// switched off.
type Endpoint struct {
	server *http.Server
	url    string
	served chan error
}

// Serve serves h on l until Stop, which closes l.
func Serve(l net.Listener, h http.Handler) *Endpoint {
	e := &Endpoint{
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, // as long as a slow scraper takes
		url:    "http://" + l.Addr().String(),
		served: make(chan error, 1),
	}
	go func() { e.served <- e.server.Serve(l) }()
	return e
}

// URL is where it serves; empty when it is switched off.
func (e *Endpoint) URL() string {
	if e == nil {
		return ""
	}
	return e.url
}

// Stop waits for the requests that run, until ctx ends.
func (e *Endpoint) Stop(ctx context.Context) error {
	if e == nil {
		return nil
	}
	if err := e.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop the health endpoint: %w", err), e.server.Close())
	}
	if err := <-e.served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health: %w", err)
	}
	return nil
}
