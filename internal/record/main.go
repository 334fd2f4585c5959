// Command record plays the workflows on a real Temporal server, over a control
// store and a substrate in memory, and writes their histories to
// workflows/testdata/histories, where the replay test reads them. It is run by
// `make record` after a workflow has got a new version of its behaviour; histories
// of older versions are kept by hand. It prints what each one cost.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, playTime)
	defer cancel()

	server, err := startServer(ctx, *program, stderr)
	if err != nil {
		return err
	}
	defer server.stop()
	stage, err := newStage(ctx, server.address)
	if err != nil {
		return err
	}
	defer stage.close()
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	for _, s := range scenarios() {
		if *only != "" && *only != s.name {
			continue
		}
		id, err := s.play(ctx, stage)
		if err != nil {
			return fmt.Errorf("play %s: %w", s.name, err)
		}
		cost, err := stage.save(ctx, id, filepath.Join(*out, s.name+".json"))
		if err != nil {
			return fmt.Errorf("save %s: %w", s.name, err)
		}
		fmt.Fprintf(stdout, "%-24s %s\n", s.name, cost)
	}
	return nil
}
