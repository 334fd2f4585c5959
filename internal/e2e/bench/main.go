package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options say how much is measured.
type options struct {
	bin    string // the folder of the three programs
	rounds int    // of the warm part; 0 leaves it out
	ops    int    // one after the other, of each side in a round
	cold   int    // cold starts of each side; 0 leaves the part out
	json   string // a file for the numbers
	only   int    // the side that alone is run, for a profiler; -1 measures
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or is one of the processes of the bare side.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case bareCommand:
			return bareControl(ctx, os.Environ(), stdin, stdout, stderr)
		case nothingCommand:
			return bareNothing(ctx, os.Environ(), stdin, stdout, stderr)
		}
	}
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.bin, "bin", "bin", "folder of the three programs")
	flags.IntVar(&o.rounds, "rounds", 15, "rounds of the warm part; 0 leaves it out")
	flags.IntVar(&o.ops, "ops", 20, "tickets one after the other in a round")
	flags.IntVar(&o.cold, "cold", 15, "cold starts; 0 leaves them out")
	flags.StringVar(&o.json, "json", "", "also write the numbers to this file")
	flags.IntVar(&o.only, "only", -1, "run one side alone, for a profiler: 0 tickets, 1 the bare crawl")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return measure(ctx, o, stdout, stderr)
}

// measure runs all parts on one rig and prints the table.
func measure(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	r, err := newRig(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close(context.WithoutCancel(ctx))) }()
	if o.only >= 0 {
		return r.load(ctx, o.only, o.rounds, stdout)
	}
	report := report{At: time.Now().UTC(), Machine: machine()}
	report.calibrate()
	if report.Programs, err = r.programs(); err != nil {
		return err
	}
	if o.rounds > 0 {
		if report.Warm, err = r.warm(ctx, o, report.calibrate); err != nil {
			return fmt.Errorf("warm: %w", err)
		}
	}
	report.Idle = append(report.Idle, r.memory("after the load"))
	if o.cold > 0 {
		if report.Cold, err = r.cold(ctx, o.cold); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
		report.calibrate()
	}
	report.Idle = append([]memory{r.fresh}, report.Idle...)
	if err := report.print(stdout); err != nil {
		return err
	}
	return report.save(o.json)
}

// save writes the numbers for programs; without a path it does nothing.
func (r report) save(path string) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}
