// Command build makes our container images of the programs in a directory and gives them
// to the Docker engine, or writes them to files that docker load reads. make images runs
// it.
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
	"strings"
	"syscall"

	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/internal/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct{ bin, tag, save, authorities, only string }

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	set := flag.NewFlagSet("build", flag.ContinueOnError)
	set.StringVar(&o.bin, "bin", "bin", "`directory` of the programs")
	set.StringVar(&o.tag, "tag", "dev", "the images' `tag`")
	set.StringVar(&o.save, "save", "", "write <name>.tar into a `directory`, instead of giving them to the engine")
	set.StringVar(&o.authorities, "authorities", "", "`file` of certificate authorities; default this machine's")
	set.StringVar(&o.only, "only", "", "`names` of the images to make, comma-separated; default all")
	if err := set.Parse(args); err != nil {
		return err
	}
	deliver, end, err := o.delivery(ctx)
	if err != nil {
		return err
	}
	for _, i := range image.Ours(o.bin, o.tag) {
		name := filepath.Base(i.Program)
		if o.only != "" && !strings.Contains(","+o.only+",", ","+name+",") {
			continue
		}
		i.Authorities = o.authorities
		r, err := deliver(i)
		if err != nil {
			return errors.Join(err, end())
		}
		if err := tell(out, r); err != nil {
			return errors.Join(err, end())
		}
		if name == image.Crawler && (r.Packed > image.CrawlerPacked || r.Unpacked > image.CrawlerUnpacked) {
			return errors.Join(fmt.Errorf("%s is larger than %s packed and %s unpacked: what does it link now?",
				r.Ref, megabytes(image.CrawlerPacked), megabytes(image.CrawlerUnpacked)), end())
		}
	}
	return end()
}

// delivery is where images go, and what is to be done afterwards.
func (o options) delivery(ctx context.Context) (func(image.Image) (image.Report, error), func() error, error) {
	if o.save != "" {
		return func(i image.Image) (image.Report, error) {
			return save(i, filepath.Join(o.save, filepath.Base(i.Program)+".tar"))
		}, func() error { return nil }, os.MkdirAll(o.save, 0o755)
	}
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return nil, nil, err
	}
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, nil, fmt.Errorf("there is no Docker engine to give images to: start it, set DOCKER_HOST, or write files with -save: %w", err)
	}
	return func(i image.Image) (image.Report, error) { return i.Load(ctx, engine) }, engine.Close, nil
}

func save(i image.Image, path string) (r image.Report, err error) {
	f, err := os.Create(path)
	if err != nil {
		return r, err
	}
	r, err = i.Write(f)
	return r, errors.Join(err, f.Close())
}

func tell(out io.Writer, r image.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s packed, %s unpacked\n", r.Ref, megabytes(r.Packed), megabytes(r.Unpacked))
	for _, f := range r.Files {
		fmt.Fprintf(&b, "  %s %10d %s\n", f.Mode, f.Size, f.Name)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
