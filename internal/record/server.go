package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// server is the embedded Temporal server in a directory of its own.
type server struct {
	*devserver.Server
	dir string
}

func startServer(ctx context.Context, program string, flags []string) (*server, error) {
	dir, err := os.MkdirTemp("", "crawlfleet-record-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	attributes := map[string]string{}
	for _, name := range fleet.SearchAttributes() {
		attributes[name] = "Keyword"
	}
	s := &server{dir: dir, Server: devserver.NewServer(devserver.ServerOptions{
		Program: program, DataDir: dir, UIPort: devserver.NoUI, LogLevel: "error", SearchAttributes: attributes, Flags: flags,
	})}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (make build builds it)", err), os.RemoveAll(dir))
	}
	return s, nil
}

// end stops it and removes the directory.
func (s *server) end(ctx context.Context) error {
	return errors.Join(s.Stop(ctx), os.RemoveAll(s.dir))
}
