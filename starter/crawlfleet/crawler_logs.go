package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

func newCrawlerLogsCommand(app *App) *cobra.Command {
	var follow bool
	c := command("logs GUID", "print a crawler's log",
		`Prints the log of a crawler that runs, or ran, as long as its substrate has it: a process of this
machine and a container until they are purged, with the tenant's logs. -f goes on until it is gone.`,
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
	if errors.Is(err, fs.ErrNotExist) && row.Provider != process.Kind && row.Provider != "" {
		return a.substrateLogs(ctx, d, row, follow)
	}
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

// substrateLogs asks the substrate.
func (a *App) substrateLogs(ctx context.Context, d *config.Dir, row fleet.CrawlerRow, follow bool) error {
	l, err := a.config()
	if err != nil {
		return err
	}
	cfg := l.Config
	cfg.Providers = []fleet.ProviderKind{row.Provider}
	all, err := openSubstrates(cfg, d, substrateParts{environ: a.Environ, ending: true, log: zap.NewNop()})
	if err != nil {
		return err
	}
	none := &fleet.Error{
		Code: fleet.CodeNotFound, Field: "guid",
		Message: fmt.Sprintf("%s has no log of crawler %s", row.Provider, row.GUID),
		Want:    "a crawler that was started there and is not yet purged",
	}
	reader, ok := all[row.Provider].(fleet.LogReader)
	if !ok {
		return none
	}
	key := fleet.Key{Fleet: d.Stamp.Fleet, Tenant: row.Tenant, GUID: row.GUID}
	err = reader.Logs(ctx, key, a.Out, follow)
	if fleet.ClassOf(err) == fleet.ClassNotFound {
		return none.Because(err)
	}
	return err
}
