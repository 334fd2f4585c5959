package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The server's bounds: each ends a peer that holds a connection without using it.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second // a form of 3 MiB at 1 Mbit/s
	// answerTimeout is longer than a form waits for its ticket; downloads have their own.
	answerTimeout  = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10 // a cookie has about 300 bytes
)

// Server serves a handler until Stop.
type Server struct {
	server *http.Server
	url    string
	served chan error
}

// Serve serves h on l, which Stop closes.
func Serve(l net.Listener, h http.Handler, log *zap.Logger) (*Server, error) {
	errorLog, err := zap.NewStdLogAt(log, zapcore.DebugLevel)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{
		server: &http.Server{
			Handler: h, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
			ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout,
			WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		},
		url:    "http://" + l.Addr().String(),
		served: make(chan error, 1),
	}
	go func() { s.served <- s.server.Serve(l) }()
	return s, nil
}

// URL is where it serves.
func (s *Server) URL() string { return s.url }

// Stop waits for the requests that run until ctx ends, then cuts them.
func (s *Server) Stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the pages: %w", err), s.server.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the pages: %w", served))
	}
	return err
}
