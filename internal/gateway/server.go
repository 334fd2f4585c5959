package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The server's bounds: each ends a peer that holds a connection without using it. There is
// none on the time of an answer: a poll for tasks takes a minute, and has its own.
const (
	handshakeTimeout = 10 * time.Second
	bodyTimeout      = 2 * time.Minute // 64 MiB at 5 Mbit/s
	// idleTimeout is longer than the crawlers' own, so that it is they who close.
	idleTimeout    = 3 * time.Minute
	maxHeaderBytes = 16 << 10 // a credential has about 150 bytes
	// pingAfter and pingWithin notice a crawler whose machine is gone: its polls would be
	// handed tasks.
	pingAfter  = 20 * time.Second
	pingWithin = 10 * time.Second
	// writeWithin is for a peer that does not read.
	writeWithin = 30 * time.Second
	// streams is more than a crawler may have requests at one time.
	streams = 512
)

// Server serves a Gateway on a listener, HTTP/2 over TLS 1.3 only.
type Server struct {
	server *http.Server
	served chan error
	cut    context.CancelFunc
}

// Serve serves h on l until Stop, which closes l.
func Serve(l net.Listener, c *Certificates, h http.Handler, log *zap.Logger) (*Server, error) {
	if _, err := c.Get(nil); err != nil { // now, and not at the first handshake
		return nil, err
	}
	errorLog, err := zap.NewStdLogAt(log, zapcore.DebugLevel)
	if err != nil {
		return nil, err
	}
	base, cut := context.WithCancel(context.Background())
	s := &Server{served: make(chan error, 1), cut: cut}
	s.server = &http.Server{
		Handler: h, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: handshakeTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return base },
		Protocols:   new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streams, SendPingTimeout: pingAfter, PingTimeout: pingWithin,
			WriteByteTimeout: writeWithin,
		},
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.Get},
	}
	s.server.Protocols.SetHTTP2(true)
	go func() { s.served <- s.server.ServeTLS(l, "", "") }()
	return s, nil
}

// endPolls is how long what runs may go on before the polls are cut: the answers of tasks
// and batches take milliseconds.
const endPolls = 500 * time.Millisecond

// Stop takes nothing new, lets what runs come to its end, cuts the polls, and ends all
// when ctx does. Crawlers come back by themselves.
func (s *Server) Stop(ctx context.Context) error {
	cut := time.AfterFunc(endPolls, s.cut)
	defer cut.Stop()
	err := s.server.Shutdown(ctx)
	s.cut()
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the gateway: %w", err), s.server.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the gateway: %w", served))
	}
	return err
}
