package devserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// lockWait is how long a new server waits for the previous one, whose supervisor died, to
	// leave the directory: its own three seconds for stopping and the rest for a busy machine.
	lockWait = 20 * time.Second

	// startTries with other ports, when a port that we chose was taken before the server had it.
	startTries = 3
)

// Server is the embedded Temporal server and its Web UI, kept running as a child process. Its
// methods are safe for concurrent use.
type Server struct {
	life    sync.Mutex // held by Start and Stop: one of them at a time
	options ServerOptions
	child   atomic.Pointer[Child]      // nil while it is stopped
	said    atomic.Pointer[serverLine] // what it said when it was last ready
}

// serverLine is the one line that crawlfleet-server prints.
type serverLine struct {
	Ready   bool   `json:"ready"`
	Address string `json:"address"`
	UI      string `json:"ui"`
	Version string `json:"version"`

	Code  string `json:"code"`
	Flag  string `json:"flag"`
	Error string `json:"error"`
}

// NewServer makes a server that is not started.
func NewServer(options ServerOptions) *Server { return &Server{options: options.withDefaults()} }

// Start returns when the server and the UI answer. Ports that were left free are chosen by the
// first Start and stay the same over all restarts and later Starts, for the sake of clients. A
// taken port, a directory in use, or one of another version is a *fleet.Error; nothing is left
// running after an error.
func (s *Server) Start(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.child.Load() != nil {
		return errors.New("start the Temporal server: it is started already")
	}
	var err error
	for range startTries {
		if err = s.start(ctx); err == nil || !s.otherPortsMayHelp(err) {
			return err
		}
	}
	return err
}

func (s *Server) start(ctx context.Context) error {
	o := s.options
	free, err := FreePorts(o.IP, 2)
	if err != nil {
		return err
	}
	if o.Port == 0 {
		o.Port = free[0]
	}
	if o.UIPort == 0 {
		o.UIPort = free[1]
	}
	child := &Child{
		Name:        "Temporal server",
		Command:     o.command(),
		Env:         o.Env,
		Log:         o.Log,
		Ready:       func(_ context.Context, out *bufio.Reader) error { return s.ready(o, out) },
		ReadyWithin: defaultReadyWithin + lockWait,
		MinBackoff:  o.MinBackoff,
		Logger:      o.Logger,
	}
	if err := child.Start(ctx); err != nil {
		return err
	}
	s.options = o
	s.child.Store(child)
	return nil
}

// Stop ends the server; a deadline of ctx shortens the time it gets. It may be started again.
func (s *Server) Stop(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	child := s.child.Swap(nil)
	if child == nil {
		return nil
	}
	return child.Stop(ctx)
}

// Address is the host and port for Temporal clients, "" before the first start.
func (s *Server) Address() string { return s.line().Address }

// UIURL is the address of the Web UI, "" when there is none or before the first start.
func (s *Server) UIURL() string { return s.line().UI }

func (s *Server) line() serverLine {
	if line := s.said.Load(); line != nil {
		return *line
	}
	return serverLine{}
}

// PID is the server's process id, 0 while it does not run.
func (s *Server) PID() int {
	if child := s.child.Load(); child != nil {
		return child.PID()
	}
	return 0
}

// ready reads the server's line and turns a refusal into an error of ours.
func (s *Server) ready(o ServerOptions, out *bufio.Reader) error {
	b, err := out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read what it says: %w", err)
	}
	var line serverLine
	if err := json.Unmarshal(b, &line); err != nil {
		return fmt.Errorf("it is not crawlfleet-server, it says %q: %w", b, err)
	}
	if line.Ready {
		s.said.Store(&line)
		return nil
	}
	switch {
	case line.Code == string(fleet.CodeBusy) && line.Flag == "--port":
		return PortBusy(o.Port, o.PortFlag)
	case line.Code == string(fleet.CodeBusy) && line.Flag == "--ui-port":
		return PortBusy(o.UIPort, o.UIPortFlag)
	}
	code := fleet.Code(line.Code)
	if !slices.Contains(fleet.Codes(), code) {
		code = fleet.CodeInternal
	}
	e := fleet.Errorf(code, line.Error).WithHint("its log is " + o.Log)
	e.Field = line.Flag
	return e
}

// otherPortsMayHelp reports whether err is about a port that we chose, or one of the server's own
// internal ones that was taken in the moment before it listened.
func (s *Server) otherPortsMayHelp(err error) bool {
	var e *fleet.Error
	if !errors.As(err, &e) || e.Code != fleet.CodeBusy {
		return false
	}
	return e.Field == s.options.PortFlag && s.options.Port == 0 ||
		e.Field == s.options.UIPortFlag && s.options.UIPort == 0 || e.Field == ""
}
