// Command screenshots takes the pictures of the docs: it runs a whole fleet with a tenant
// whose tickets are in every state, and looks at the tenant's pages and at Temporal's Web
// UI with a real Chromium. `make screenshots` runs it; look at what it has taken.
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
	"time"

	"github.com/crawlfleet/crawlfleet/internal/browser"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

const (
	// playTime bounds the whole: it takes about a minute, and building may come before it.
	playTime = 15 * time.Minute
	// maxPicture is the most bytes of a picture: they are in the repository for ever.
	maxPicture = 150 << 10
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	set := flag.NewFlagSet("screenshots", flag.ContinueOnError)
	set.SetOutput(stderr)
	out := set.String("out", filepath.Join("docs", "images"), "`directory` of the pictures")
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, playTime)
	defer cancel()
	b, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	s, err := newScene(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	for _, one := range s.shots() {
		size, err := one.take(ctx, b, *out)
		if err != nil {
			return fmt.Errorf("take %s: %w", one.name, err)
		}
		fmt.Fprintf(stdout, "%-24s %d KiB\n", one.name+".png", size>>10)
	}
	return nil
}

// programs are built into a directory of their own, which the answered function removes.
func programs(ctx context.Context) (e2e.Programs, func() error, error) {
	dir, err := os.MkdirTemp("", "crawlfleet-screenshots-")
	if err != nil {
		return e2e.Programs{}, nil, err
	}
	p, err := e2e.Build(ctx, dir)
	return p, func() error { return os.RemoveAll(dir) }, err
}
