package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health serves /livez (200 while the process answers), /readyz (200 when clients are
// served) and /metrics (the Go runtime's and the process's).
type health struct {
	ready  atomic.Bool
	server *http.Server
	served chan error
}

// startHealth listens on the port that ports holds for it; 0 switches it off.
func startHealth(ctx context.Context, ip netip.Addr, ports *portPlan) (*health, error) {
	h := &health{}
	if ports.health == 0 {
		return h, nil
	}
	ports.release(ports.health)
	address := netip.AddrPortFrom(ip, uint16(ports.health)).String()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for health: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if h.ready.Load() {
			plain(w, http.StatusOK, "ok")
			return
		}
		plain(w, http.StatusServiceUnavailable, "the server starts or stops")
	})
	mux.Handle("GET /metrics", promhttp.Handler())
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second} // as long as a slow scraper takes
	h.served = make(chan error, 1)
	go func() { h.served <- h.server.Serve(l) }()
	return h, nil
}

// stop cuts what is being asked: nobody waits for health when the process ends.
func (h *health) stop() error {
	h.ready.Store(false)
	if h.server == nil {
		return nil
	}
	err := h.server.Close()
	if served := <-h.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the asker may have gone
}
