package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
)

// options say how a run is.
type options struct {
	bin     string // the folder of the three programs
	seed    uint64 // 0 for one of its own
	minutes float64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.bin, "bin", "bin", "folder of the three programs")
	flags.Uint64Var(&o.seed, "seed", 0, "what is done when; 0 draws one, which is printed")
	flags.Float64Var(&o.minutes, "minutes", 10, "how long things are killed")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if o.seed == 0 {
		o.seed = uint64(rand.Uint32())
	}
	return play(ctx, o, stdout)
}

// play runs the plan of a seed and prints the verdict.
func play(ctx context.Context, o options, out io.Writer) (err error) {
	length := time.Duration(o.minutes * float64(time.Minute))
	deeds := plan(o.seed, length)
	_, _ = fmt.Fprintf(out, "chaos: SEED=%d MINUTES=%v, %d deeds\n", o.seed, o.minutes, len(deeds))
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return err
	}
	f, err := e2e.Start(ctx, e2e.Programs{
		Crawlfleet: filepath.Join(bin, "crawlfleet"), Crawler: filepath.Join(bin, string(devserver.CrawlerProgram)),
		Server: filepath.Join(bin, string(devserver.ServerProgram)),
	}, e2e.Options{Settings: map[string]string{
		"crawler-idle-after": "5s", "process-capacity": "40",
		"crawler-orphan-after": (2 * longestOutage).String(), // they wait for the server
	}})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, "chaos: the fleet is in", f.Dir)
	s := newStage(f, o.seed, out)
	v, err := s.run(ctx, deeds)
	_, _ = fmt.Fprintln(out, "chaos:", v)
	for _, wrong := range v.Wrong {
		_, _ = fmt.Fprintln(out, "WRONG:", wrong)
	}
	if err == nil && len(v.Wrong) > 0 {
		err = fmt.Errorf("%d things are wrong", len(v.Wrong))
	}
	if err != nil {
		return fmt.Errorf("%w\n(SEED=%d MINUTES=%v; the evidence is kept in %s)",
			errors.Join(err, f.Leave()), o.seed, o.minutes, f.Dir)
	}
	return f.Close(context.WithoutCancel(ctx))
}
