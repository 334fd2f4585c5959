package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// server is the embedded Temporal server in a process and a directory of its own.
type server struct {
	address string
	dir     string
	cmd     *exec.Cmd
	line    io.Closer // its life line
}

func startServer(ctx context.Context, program string, stderr io.Writer, more ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "crawlfleet-record-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	s := &server{dir: dir}
	args := []string{"-data-dir", dir, "-port", "0", "-ui-port", "-1", "-lifeline", "-log-level", "error"}
	for _, name := range fleet.SearchAttributes() {
		args = append(args, "-search-attribute", name+"=Keyword")
	}
	s.cmd = exec.Command(program, append(args, more...)...)
	s.cmd.Stderr = stderr
	line, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("connect the life line: %w", err)
	}
	s.line = line
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("connect its output: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w (make build builds it)", err)
	}
	if err := s.ready(ctx, stdout); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// ready reads the one line that the program prints.
func (s *server) ready(ctx context.Context, stdout io.Reader) error {
	lines := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadBytes('\n') // an early end is an empty line
		lines <- line
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-lines:
		var r struct {
			Ready   bool   `json:"ready"`
			Address string `json:"address"`
		}
		if err := json.Unmarshal(line, &r); err != nil || !r.Ready {
			return fmt.Errorf("the server does not come up: %s", line)
		}
		s.address = r.Address
		return nil
	}
}

// stop cuts the life line, waits, and removes the directory.
func (s *server) stop() {
	_ = s.line.Close() // that is the signal
	kill := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // it may have been killed
	kill.Stop()
	_ = os.RemoveAll(s.dir)
}
