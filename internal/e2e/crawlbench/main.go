package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// The parts of the benchmark, by the names of -only.
const (
	partLayers  = "layers"
	partLatency = "latency"
	partPolite  = "polite"
	partMillion = "million"
)

func parts() []string { return []string{partLayers, partLatency, partPolite, partMillion} }

// options say how much is measured.
type options struct {
	site        string // a folder of static files
	start       string // its first page
	only        string
	rounds      int
	concurrency int
	documented  bool // Colly as documented, too
	profile     string
}

func (o options) has(part string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), part)
}

// check names the flag that is wrong.
func (o options) check() error {
	for part := range strings.SplitSeq(o.only, ",") {
		if part != "" && !slices.Contains(parts(), part) {
			return fmt.Errorf("-only: there is no part %q; want some of %s", part, strings.Join(parts(), ","))
		}
	}
	if o.rounds < 1 || o.concurrency < 1 || o.concurrency > 64 {
		return errors.New("-rounds, -concurrency: want at least 1, and at most 64 at a time")
	}
	if _, err := os.Stat(o.site); err != nil {
		return fmt.Errorf("-site: %w (apt-get install postgresql-doc-15, or name another folder)", err)
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crawlbench:", err)
		os.Exit(1)
	}
}

// run measures, or is one of the measured processes.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case siteCommand:
			return serveSite(ctx, args[1:], stdin, stdout)
		case planeCommand:
			return servePlane(ctx, args[1:], stdin, stdout)
		case layerCommand:
			return runLayer(ctx, args[1:], stdout)
		}
	}
	var o options
	flags := flag.NewFlagSet("crawlbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.site, "site", "/usr/share/doc/postgresql-doc-15/html", "folder of a static site")
	flags.StringVar(&o.start, "start", "index.html", "its first page")
	flags.StringVar(&o.only, "only", "", "`parts` to measure, of "+strings.Join(parts(), ",")+"; default all")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of the layers")
	flags.IntVar(&o.concurrency, "concurrency", 8, "requests at a time")
	flags.BoolVar(&o.documented, "documented", false, "also Colly as its documentation shows it: slow")
	flags.StringVar(&o.profile, "profile", "", "write a CPU profile of L4 to this file")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "crawlbench-")
	if err != nil {
		return err
	}
	b := &bench{o: o, dir: dir, out: stdout}
	return errors.Join(b.run(ctx), os.RemoveAll(dir))
}
