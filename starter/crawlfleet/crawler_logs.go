package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newCrawlerLogsCommand(app *App) *cobra.Command {
	var follow bool
	c := command("logs GUID", "print a crawler's log",
		"Prints the log of a crawler that runs, or ran, as a process of this machine; -f goes on until it is gone.",
		"  crawlfleet crawler logs 5b8c6d2e -f", 1, 1,
		func(ctx context.Context, args []string) error { return app.logs(ctx, args[0], follow) })
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the crawler is gone")
	return c
}

func (a *App) logs(ctx context.Context, prefix string, follow bool) error {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	row, err := crawlerOf(ctx, r, prefix)
	if err != nil {
		return err
	}
	d, err := a.dir()
	if err != nil {
		return err
	}
	f, err := os.Open(d.CrawlerLog(row.GUID))
	if errors.Is(err, fs.ErrNotExist) {
		return &fleet.Error{
			Code: fleet.CodeNotFound, Field: "guid", Message: "crawler " + string(row.GUID) + " has no log here",
			Want: "a crawler that is a process of this machine",
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	for {
		gone := row.State == fleet.CrawlerGone // read before the log: what a gone one wrote is there
		if _, err := io.Copy(a.Out, f); err != nil || !follow || gone {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
		if row, err = r.Crawler(ctx, row.GUID); err != nil {
			return err
		}
	}
}
