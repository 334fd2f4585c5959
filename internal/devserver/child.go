package devserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// defaultReadyWithin is for a slow machine that compiles something beside; a server is ready
	// in half a second.
	defaultReadyWithin = 60 * time.Second

	// defaultGrace is longer than the ten seconds that our own programs allow themselves.
	defaultGrace = 15 * time.Second

	// defaultMinBackoff is short: most deaths are single, and everything waits meanwhile.
	defaultMinBackoff = 250 * time.Millisecond
	// defaultMaxBackoff keeps a child that always dies from filling the disk with its reasons.
	defaultMaxBackoff = 15 * time.Second

	// steadyAfter is the life after which a death counts as the first again.
	steadyAfter = time.Minute
)

// Child keeps one program running: it starts it, restarts it with backoff when it ends by itself,
// and stops it. Fill in the fields, then Start; they must not change afterwards. The methods are
// safe for concurrent use. The child is in a process group of its own, so that a Ctrl-C at the
// terminal reaches the supervisor alone, which then stops things in order.
type Child struct {
	Name    string   // what logs and errors call it
	Command []string // program and arguments; the same at each restart
	Env     []string // the whole environment; nil = that of this process
	Log     string   // file for the child's standard error, and its output after it was ready

	// Ready returns when the child serves, or with an error when it cannot. It may read what the
	// child prints; ctx ends when the child does or when the time is over. nil: ready when started.
	Ready func(ctx context.Context, stdout *bufio.Reader) error

	ReadyWithin time.Duration // for Ready; 0 = 1 min
	Grace       time.Duration // between SIGTERM and SIGKILL; 0 = 15 s
	MinBackoff  time.Duration // before the first restart, doubled with each; 0 = 250 ms
	MaxBackoff  time.Duration // the longest before a restart; 0 = 15 s
	Logger      *zap.Logger   // nil = none

	life     sync.Mutex         // held by Start and Stop: one of them at a time
	stopping context.CancelFunc // ends the supervision; nil while the child is not started
	ended    chan struct{}      // closed when the supervision has ended

	mu       sync.Mutex // guards what follows
	current  *process
	restarts int
}

// Start returns when the child is ready. After an error nothing is left running. ctx bounds the
// start, not the child's life.
func (c *Child) Start(ctx context.Context) error {
	c.life.Lock()
	defer c.life.Unlock()
	if c.stopping != nil {
		return fmt.Errorf("start %s: it is started already", c.Name)
	}
	p, err := c.launch(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.current, c.restarts = p, 0
	c.mu.Unlock()
	supervision, stopping := context.WithCancel(context.WithoutCancel(ctx))
	c.stopping, c.ended = stopping, make(chan struct{})
	go c.supervise(supervision, p, c.ended)
	return nil
}

// Stop ends the child: SIGTERM, and SIGKILL to its group when Grace or ctx is over first, which is
// reported as an error. A child that is not started is stopped already.
func (c *Child) Stop(ctx context.Context) error {
	c.life.Lock()
	defer c.life.Unlock()
	if c.stopping == nil {
		return nil
	}
	c.stopping()
	<-c.ended // from here on nobody starts another life
	c.stopping = nil

	c.mu.Lock()
	p := c.current
	c.mu.Unlock()
	if err := p.stop(ctx, orDefault(c.Grace, defaultGrace)); err != nil {
		return fmt.Errorf("stop %s: %w", c.Name, err)
	}
	return nil
}

// PID is the process id of the child's present life, 0 when it is stopped or between two lives.
func (c *Child) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.exited() {
		return 0
	}
	return c.current.pid()
}

// Restarts is how often the child was brought back since Start.
func (c *Child) Restarts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restarts
}

// supervise restarts the child until ctx ends.
func (c *Child) supervise(ctx context.Context, p *process, ended chan<- struct{}) {
	defer close(ended)
	shortest := orDefault(c.MinBackoff, defaultMinBackoff)
	delay := shortest
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.done:
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(p.started) > steadyAfter {
			delay = shortest
		}
		c.logger().Warn("child ended; restarting", zap.String("child", c.Name),
			zap.Error(p.err), zap.Duration("in", delay))
		next := c.relaunch(ctx, &delay)
		if next == nil {
			return
		}
		p = next
		c.logger().Info("child restarted", zap.String("child", c.Name), zap.Int("pid", p.pid()))
	}
}

// relaunch tries until the child is ready again, and returns nil when ctx ends first.
func (c *Child) relaunch(ctx context.Context, delay *time.Duration) *process {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*delay):
		}
		*delay = min(2**delay, orDefault(c.MaxBackoff, defaultMaxBackoff))
		p, err := c.launch(ctx)
		if ctx.Err() != nil {
			if err == nil {
				p.kill() // Stop does not know this one
			}
			return nil
		}
		if err == nil {
			c.mu.Lock()
			c.current = p
			c.restarts++
			c.mu.Unlock()
			return p
		}
		c.logger().Warn("restart failed", zap.String("child", c.Name), zap.Error(err),
			zap.Duration("again in", *delay))
	}
}

// launch starts the program and waits until it is ready; after an error it is gone.
func (c *Child) launch(ctx context.Context) (*process, error) {
	p, err := startProcess(c.Command, c.Env, c.Log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if err := c.awaitReady(ctx, p); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p.drain()
	return p, nil
}

func (c *Child) awaitReady(ctx context.Context, p *process) error {
	if c.Ready == nil {
		return nil
	}
	within := orDefault(c.ReadyWithin, defaultReadyWithin)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- c.Ready(ctx, p.stdout) }()

	var err error
	select {
	case err = <-result:
	case <-p.done: // what it said before it died is still in the pipe, so Ready goes first
		cancel()
		err = <-result
	case <-ctx.Done():
		p.kill()
		<-result
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fleet.Errorf(fleet.CodeTimeout, fmt.Sprintf("not ready within %s", within)).
				WithHint("its log is " + c.Log)
		}
		return ctx.Err()
	}
	var coded *fleet.Error
	if err == nil || errors.As(err, &coded) || !p.exitsWithin(pipeDelay) {
		return err
	}
	return fleet.Errorf(fleet.CodeUnavailable, fmt.Sprintf("it ended before it was ready: %v", p.err)).
		WithHint("its log is " + c.Log).Because(err)
}

func (c *Child) logger() *zap.Logger {
	if c.Logger == nil {
		return zap.NewNop()
	}
	return c.Logger
}

func orDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}
