package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

func newRestoreCommand(app *App) *cobra.Command {
	return command("restore ARCHIVE --data-dir DIR", "make a fleet of an archive",
		`Unpacks an archive of crawlfleet backup into a directory that is absent or empty, after every
checksum and version was found right. It starts nothing.

The restored fleet has an id of its own, so that it never touches what the original has
started. Crawls that ran at the instant of the backup go on with new crawlers.`,
		`  crawlfleet restore crawlfleet-f-0123456789ab-20261121T120000Z.tar.gz --data-dir ./restored`,
		1, 1, app.restore)
}

func (a *App) restore(ctx context.Context, args []string) error {
	l, err := a.config()
	if err != nil {
		return err
	}
	now := time.Now()
	r, err := backup.Restore(ctx, backup.RestoreOptions{
		Archive: args[0], Dir: l.DataDir, Release: thisRelease(), Now: now,
		Left: func(dir string, crawlers []fleet.Instance) error {
			return process.Left((&config.Dir{Path: dir}).Crawlers(), crawlers, now)
		},
	})
	if err != nil {
		return err
	}
	return printOne(a, r, func(w io.Writer) {
		facts(w, "data directory", r.DataDir, "fleet", fmt.Sprintf("%s, restored from %s", r.Fleet, r.From),
			"instant", moment(r.Instant), "written by", r.Release,
			"crawlers then", fmt.Sprintf("%d; their tickets move to new ones", r.Crawlers), "took", span(r.Took.Std()))
		_, _ = fmt.Fprintf(w, `
To go on with it, with the configuration of the original:
  crawlfleet dev --data-dir %[1]s
Beside the original on one machine, on ports and addresses of its own:
  crawlfleet dev --data-dir %[1]s --temporal-port 0 --temporal-ui-port 0 --data-plane-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 --process-loopback 127.1.16.0/23
`, r.DataDir)
	})
}

// noStrangers refuses to serve a restored fleet where crawlers of another one are bound
// to: a crawler whose own server is gone would hand the restored server results that are
// only in the other fleet's databases. They end by themselves when they hear nothing.
func noStrangers(dir *config.Dir, port int) error {
	if dir.Stamp.Restored == nil || port <= 0 {
		return nil
	}
	pids, err := process.Strangers(dir.Stamp.Fleet, "127.0.0.1:"+strconv.Itoa(port))
	if err != nil || len(pids) == 0 {
		return err
	}
	slices.Sort(pids)
	texts := make([]string, len(pids))
	for i, pid := range pids {
		texts[i] = strconv.Itoa(pid)
	}
	list := strings.Join(texts, " ")
	return &fleet.Error{
		Code: fleet.CodeBusy, Field: "--temporal-port",
		Message: fmt.Sprintf("crawlers of another fleet are bound to port %d and still run: %s", port, list),
		Want:    "a port that no other fleet's crawlers know",
		Hint:    "--temporal-port 0 takes a free one; if that fleet is gone: kill " + list,
	}
}
