package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The server's bounds: each ends a peer that holds a connection without using it.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 2 * time.Minute // 64 MiB at 5 Mbit/s
	answerTimeout = 4 * time.Minute // body, call and answer
	// idleTimeout is longer than the crawlers' own, so that it is they who close: a
	// connection closed from here could be the one that a batch is just written to.
	idleTimeout    = 3 * time.Minute
	maxHeaderBytes = 16 << 10 // a credential has about 100 bytes
)

// Server serves a handler on loopback or a control network. The zero value with a Handler is ready to start.
type Server struct {
	Handler http.Handler // required
	// Addr is the loopback or private address to listen on; default 127.0.0.1:0, a free port.
	Addr string
	Log  *zap.Logger // default none

	listener net.Listener
	server   *http.Server
	served   chan error
}

// Start listens and serves until Stop. It returns when calls are taken. An address that
// is held by another is busy; one of the internet, or all there are, is refused: the
// credentials travel in the clear, which a control network that crawlers are not in bears.
func (s *Server) Start(ctx context.Context) error {
	if s.Addr == "" {
		s.Addr = "127.0.0.1:0"
	}
	if s.Log == nil {
		s.Log = zap.NewNop()
	}
	addr, err := netip.ParseAddrPort(s.Addr)
	if err != nil || !addr.Addr().IsLoopback() && !addr.Addr().IsPrivate() {
		return fleet.Invalid("dataplane.address", fmt.Sprintf("%q is neither loopback nor private", s.Addr),
			"a loopback address with a port, such as 127.0.0.1:7300, or one of a control network")
	}
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(ctx, "tcp", s.Addr); err != nil {
		return fleet.Errorf(fleet.CodeBusy, "the data plane cannot listen on "+s.Addr).Because(err)
	}
	errorLog, err := zap.NewStdLogAt(s.Log, zapcore.DebugLevel)
	if err != nil {
		return errors.Join(err, s.listener.Close())
	}
	s.server = &http.Server{
		Handler: s.Handler, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout,
		WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
	}
	s.served = make(chan error, 1)
	go func() { s.served <- s.server.Serve(s.listener) }()
	return nil
}

// URL is the base URL that crawlers are given; valid after Start.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Stop takes no new calls, waits for those that run until ctx ends, then cuts them:
// what they had not committed is rolled back and sent again by the crawlers.
func (s *Server) Stop(ctx context.Context) error {
	if s.server == nil {
		return nil
	}
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the data plane: %w", err), s.server.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the data plane: %w", served))
	}
	s.server = nil
	return err
}
