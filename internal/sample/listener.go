package sample

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// boundHost is a listener and the authority by which its host is known.
type boundHost struct {
	net.Listener
	authority string
}

// listen binds one listener for each host, or none.
func listen(ctx context.Context, addresses []string) ([]boundHost, error) {
	if len(addresses) != 0 && len(addresses) != hostCount {
		return nil, fmt.Errorf("hosts: want %d addresses or none, got %d", hostCount, len(addresses))
	}
	if len(addresses) != 0 {
		return listenAll(ctx, addresses)
	}
	bound, err := listenAll(ctx, []string{"127.0.0.1:0", "127.0.0.2:0"})
	if err != nil {
		// macOS and others have the one loopback address only.
		return listenAll(ctx, []string{"127.0.0.1:0", "127.0.0.1:0"})
	}
	return bound, nil
}

func listenAll(ctx context.Context, addresses []string) ([]boundHost, error) {
	var bound []boundHost
	for _, address := range addresses {
		l, err := listenOne(ctx, address)
		if err != nil {
			for _, b := range bound {
				err = errors.Join(err, b.Close())
			}
			return nil, err
		}
		bound = append(bound, l)
	}
	return bound, nil
}

func listenOne(ctx context.Context, address string) (boundHost, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return boundHost{}, fmt.Errorf("address %q: %w", address, err)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return boundHost{}, fmt.Errorf("listen on %s: %w", address, err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return boundHost{}, errors.Join(fmt.Errorf("address of listener: %w", err), l.Close())
	}
	return boundHost{l, net.JoinHostPort(name, port)}, nil
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler,
		// A client on loopback needs no longer; without a limit a stuck one would hold a goroutine.
		ReadHeaderTimeout: 30 * time.Second,
	}
}

// shutdown waits for the requests under way until ctx is done, then cuts them.
func shutdown(ctx context.Context, server *http.Server) error {
	err := server.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("stop sample site: %w", err), server.Close())
}
