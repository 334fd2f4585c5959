// Command record plays the workflows on a real Temporal server, over a control
// store and a substrate in memory, and writes their histories to
// workflows/testdata/histories, where the replay test reads them. It is run by
// `make record` after a workflow has got a new version of its behaviour; histories
// of older versions are kept by hand. It prints what each one cost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

// playTime bounds the whole play: it takes about half a minute.
const playTime = 3 * time.Minute

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("record", flag.ContinueOnError)
	set.SetOutput(stderr)
	program := set.String("server", "bin/crawlfleet-server", "the embedded server's `program`")
	out := set.String("out", filepath.Join("workflows", "testdata", "histories"),
		"`directory` of the histories")
	only := set.String("only", "", "play only the `scenario` of this name")
	missing := set.Bool("missing", false, "write only the histories that are not there yet")
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, playTime)
	defer cancel()

	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	r := recorder{program: *program, out: *out, only: *only, missing: *missing, stdout: stdout}
	if err := r.record(ctx, scenarios(), func(*stage) {}); err != nil {
		return err
	}
	still := func(s *stage) {
		s.store.IdleAfter, s.store.Wake = time.Hour, time.Hour // nothing moves on by itself
	}
	if err := r.record(ctx, append(open(), waits()...), still); err != nil {
		return err
	}
	return r.record(ctx, full(), still, "-dynamic-config-value", "limit.historyCount.suggestContinueAsNew=14")
}

// recorder plays scenarios and writes what is wanted of them.
type recorder struct {
	program, out, only string
	missing            bool
	stdout             io.Writer
}

// wants reports whether a scenario is to be written.
func (r *recorder) wants(s scenario) bool {
	if r.missing {
		_, err := os.Stat(r.path(s))
		return errors.Is(err, os.ErrNotExist)
	}
	return r.only == "" || r.only == s.name
}

func (r *recorder) path(s scenario) string { return filepath.Join(r.out, s.name+".json") }

// record plays scenarios on one stage, whose server has more flags, if one of them is to
// be written. They go on from each other, so that with missing those before it are played,
// too.
func (r *recorder) record(
	ctx context.Context, all []scenario, prepare func(*stage), flags ...string,
) (err error) {
	if !slices.ContainsFunc(all, r.wants) {
		return nil
	}
	server, err := startServer(ctx, r.program, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.end(context.WithoutCancel(ctx))) }()
	stage, err := newStage(ctx, server.Address())
	if err != nil {
		return err
	}
	defer stage.close()
	prepare(stage)
	for _, s := range all {
		if !r.missing && !r.wants(s) {
			continue
		}
		stage.run = ""
		id, err := s.play(ctx, stage)
		if err != nil {
			return fmt.Errorf("play %s: %w", s.name, err)
		}
		if !r.wants(s) {
			continue
		}
		cost, err := stage.save(ctx, id, r.path(s))
		if err != nil {
			return fmt.Errorf("save %s: %w", s.name, err)
		}
		fmt.Fprintf(r.stdout, "%-24s %s\n", s.name, cost)
	}
	return nil
}
