package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func main() {
	mainAt := time.Now()
	// Notified signals are kept: a second SIGTERM does not cut the hand-back short, that
	// is for the SIGKILL of whoever stops us.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, mainAt, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		os.Exit(1)
	}
}

// run is the program: it returns nil when ctx has ended and the tickets are handed back.
// Every error is written to stderr.
func run(
	ctx context.Context, mainAt time.Time, args, environ []string, stdout, stderr io.Writer,
) error {
	guid, done, err := parse(args, stdout, stderr)
	if done || err != nil {
		return err
	}
	s, err := readEnvironment(environ)
	if err == nil && guid != "" && guid != s.GUID {
		err = fleet.Invalid("--guid", string(guid)+" is not this crawler's", string(s.GUID))
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "crawlfleet-crawler:", err) // there is nobody else to tell
		return err
	}
	telemetry.TuneMemory(environ, gcPercent, memoryLimit)
	log, err := telemetry.NewLogger(stderr, telemetry.LogOptions{Level: s.LogLevel, Format: "auto"})
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "crawlfleet-crawler: %s: %v\n", envLogLevel, err)
		return err
	}
	log = log.With(zap.String("tenant", string(s.Tenant)), zap.String("guid", string(s.GUID)))
	if err := serve(ctx, mainAt, s, log); err != nil {
		log.Error("the crawler leaves", zap.Error(err))
		return err
	}
	log.Info("the crawler has ended")
	return nil
}

// parse reads the arguments; done says that nothing is left to do. --guid is there for
// whoever looks at the process table: the environment says the same.
func parse(args []string, stdout, stderr io.Writer) (guid fleet.GUID, done bool, err error) {
	flags := flag.NewFlagSet("crawlfleet-crawler", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar((*string)(&guid), "guid", "", "the crawler's GUID; has to be that of "+fleet.EnvGUID)
	version := flags.Bool("version", false, "print the version and end")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return guid, true, nil
	case err != nil:
		return guid, false, err // flags has printed it
	case *version:
		_, err = fmt.Fprintf(stdout, "crawlfleet-crawler %s, contract %d\n", build(), contractVersion())
		return guid, true, err
	}
	return guid, false, nil
}
