package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Exit codes.
const (
	exitDone  = 0
	exitError = 1
	exitUsage = 2
)

const (
	// stopWithin bounds a stop, which takes 1.4 s. Temporal itself would wait ten seconds for a
	// command that it pushes to a crawler that is gone, and five minutes for each of its four
	// services; what is not written by then is repeated after the next start.
	stopWithin = 3 * time.Second

	// gcPercent trades memory for processor time: at the default of 100 a workflow costs about
	// a tenth more (25.7 against 23.6 CPU-ms measured at 16 in flight).
	gcPercent = 400

	// memoryLimit is where the collector starts to work harder. Idle is 130 MB, and a polled
	// task queue costs 0.36 MB: a thousand crawlers fit below it.
	memoryLimit = 1 << 30
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	// Echo, inside the Web UI, prints to os.Stdout. Standard output is ours alone: one line.
	stdout := os.Stdout
	os.Stdout = os.Stderr

	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, stdout, os.Stderr))
}

// run is the program: it serves until ctx ends, or until stdin does when asked to watch it, and
// returns the exit code.
func run(
	ctx context.Context, args []string, env func(string) (string, bool),
	stdin io.Reader, stdout, stderr io.Writer,
) int {
	out := &report{w: stdout}
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		out.failed(err)
		return exitUsage
	}

	logger := newLogger(stderr, cfg.LogLevel, out, os.Exit)
	tuneMemory(env)
	if cfg.Lifeline {
		ctx = lifeline(ctx, stdin)
	}

	done := make(chan error, 1)
	go func() { done <- serve(ctx, cfg, logger, out) }()
	err = await(ctx, done, logger)
	if err != nil {
		logger.Error("server ended", zap.Error(err))
		out.failed(err)
		return exitError
	}
	return exitDone
}

// await returns serve's error, or nil when serve is still busy stopWithin after ctx has ended:
// the process then ends under it, which the write-ahead log survives.
func await(ctx context.Context, done <-chan error, logger *zap.Logger) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		logger.Warn("stop was not done in time; leaving", zap.Duration("deadline", stopWithin))
		return nil
	}
}

// serve opens the directory, starts the server and the UI, reports them ready, and stops them
// when ctx ends.
func serve(ctx context.Context, cfg Config, logger *zap.Logger, out *report) (err error) {
	dir, err := openDirectory(ctx, cfg.DataDir, cfg.LockWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()

	ports, err := reservePorts(cfg)
	if err != nil {
		return err
	}
	defer ports.releaseAll()
	health, err := startHealth(ctx, cfg.loopback(), ports)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, health.stop()) }()
	store, prepare, err := openStore(dir)
	if err != nil {
		return err
	}
	if err := prepare(ctx, cfg); err != nil {
		return fmt.Errorf("prepare the store in %s: %w", cfg.DataDir, err)
	}
	if ctx.Err() != nil {
		return nil
	}

	server, err := newServer(cfg, ports, store, logger)
	if err != nil {
		return err
	}
	if err := server.start(ctx); err != nil {
		return errors.Join(err, server.stop())
	}
	if ctx.Err() == nil {
		health.ready.Store(true)
		out.ready(server.address(), server.uiURL())
		logger.Info("ready", zap.String("address", server.address()), zap.String("ui", server.uiURL()))
	}
	<-ctx.Done()
	logger.Info("stopping")
	health.ready.Store(false)
	return server.stop()
}

// tuneMemory sets the collector, unless the environment says otherwise.
func tuneMemory(env func(string) (string, bool)) {
	if _, set := env("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := env("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// lifeline returns a context that also ends when r does. The supervisor holds the other end of
// the pipe: when it dies, however hard, the kernel closes it and no server is left behind.
func lifeline(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		// The bytes mean nothing, and a read error means the same as the end.
		_, _ = io.Copy(io.Discard, r)
	}()
	return ctx
}
