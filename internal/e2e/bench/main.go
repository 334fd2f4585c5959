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
	"slices"
	"strings"
	"syscall"
	"time"
)

// The parts of the benchmark, by the names of -only.
const (
	partWarm    = "warm"    // tickets one after the other and at once, beside bare workflows
	partCold    = "cold"    // cold starts, beside forks
	partGateway = "gateway" // a warm ticket through the gateway, beside direct
	partIdle    = "idle"    // what an idle crawler holds; sizes of the programs
	partServer  = "server"  // our server beside others
	partCrowd   = "crowd"   // many idle crawlers on one server
	partBurst   = "burst"   // many tickets at once for a tenant at zero
	partNomad   = "nomad"   // cold starts on a Nomad node, beside bare jobs, one and many at once
	partDocker  = "docker"  // the same as containers, beside bare containers
	partSoak    = "soak"    // many tickets of many tenants: what grows
)

func parts() []string {
	return []string{
		partWarm, partCold, partGateway, partIdle, partServer, partCrowd, partBurst, partNomad, partDocker, partSoak,
	}
}

// options say how much is measured.
type options struct {
	bin      string // the folder of the programs
	only     string // parts, with commas between; empty for all
	rounds   int    // of the parts that compare sides
	ops      int    // one after the other, of each side in a round
	cold     int    // cold starts of each side
	crawlers int    // of the crowd
	burst    int    // tickets at once
	soak     int    // tickets
	tenants  int    // of the soak
	atOnce   int    // crawlers at once of the parts nomad and docker
	builds   bool   // cold builds of the programs too
	json     string // a file for the numbers
	side     int    // the side that alone is run, for a profiler; -1 measures
}

// has reports whether a part is measured.
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
	for _, n := range []struct {
		flag  string
		value int
	}{
		{"rounds", o.rounds},
		{"ops", o.ops},
		{"cold", o.cold},
		{"crawlers", o.crawlers},
		{"burst", o.burst},
		{"soak", o.soak},
		{"tenants", o.tenants},
		{"at-once", o.atOnce},
	} {
		if n.value < 1 {
			return fmt.Errorf("-%s: want at least 1, got %d", n.flag, n.value)
		}
	}
	return nil
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
	flags.StringVar(&o.bin, "bin", "bin", "folder of the three programs, and of temporal for the part server")
	flags.StringVar(&o.only, "only", "", "`parts` to measure, of "+strings.Join(parts(), ",")+"; default all")
	flags.IntVar(&o.rounds, "rounds", 15, "rounds of the parts warm, gateway and server")
	flags.IntVar(&o.ops, "ops", 20, "tickets one after the other in a round")
	flags.IntVar(&o.cold, "cold", 15, "cold starts")
	flags.IntVar(&o.crawlers, "crawlers", 300, "idle crawlers of the part crowd")
	flags.IntVar(&o.burst, "burst", 200, "tickets at once of the part burst")
	flags.IntVar(&o.soak, "soak", 2000, "tickets of the part soak")
	flags.IntVar(&o.tenants, "tenants", 50, "tenants of the part soak")
	flags.IntVar(&o.atOnce, "at-once", 100, "crawlers at once of the parts nomad and docker")
	flags.BoolVar(&o.builds, "builds", false, "also build the programs with an empty cache: a quarter of an hour")
	flags.StringVar(&o.json, "json", "", "also write the numbers to this file")
	flags.IntVar(&o.side, "side", -1, "run one side alone, for a profiler: 0 tickets, 1 the bare crawl")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if err := o.check(); err != nil {
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
	if o.side >= 0 {
		return r.load(ctx, o.side, o.rounds, stdout)
	}
	report := report{At: time.Now().UTC(), Machine: machine()}
	for _, part := range parts() {
		if !o.has(part) {
			continue
		}
		report.calibrate()
		began := time.Now()
		if err := r.measure(ctx, part, o, &report, stderr); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		_, _ = fmt.Fprintf(stderr, "bench: %s in %s\n", part, time.Since(began).Round(time.Second))
	}
	report.calibrate()
	if err := report.print(stdout); err != nil {
		return err
	}
	return report.save(o.json)
}

// measure runs one part.
func (r *rig) measure(
	ctx context.Context, part string, o options, to *report, stderr io.Writer,
) (err error) {
	switch part {
	case partWarm:
		to.Warm, err = r.warm(ctx, o, to.calibrate)
	case partCold:
		to.Cold, err = r.cold(ctx, o.cold)
	case partGateway:
		to.Gateway, err = r.gateway(ctx, o, to.calibrate)
	case partIdle:
		if to.Programs, err = r.programs(); err == nil && o.builds {
			err = r.builds(ctx, to.Programs)
		}
		to.Idle, err = []memory{r.fresh, r.idle(ctx)}, errors.Join(err, ctx.Err())
	case partServer:
		to.Server, err = r.servers(ctx, o, to.calibrate)
	case partCrowd:
		to.Crowd, err = r.crowd(ctx, o.crawlers)
	case partBurst:
		to.Burst, err = r.burst(ctx, o.burst)
	case partNomad:
		to.Nomad, err = r.nomad(ctx, o, stderr)
	case partDocker:
		to.Docker, err = r.docker(ctx, o, stderr)
	case partSoak:
		to.Soak, err = r.soak(ctx, o.soak, o.tenants)
	}
	return err
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
