package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func newBackupCommand(app *App) *cobra.Command {
	return command("backup [ARCHIVE]", "write the fleet into one archive, while it runs",
		`Writes all databases of the fleet, those of the embedded Temporal server included, into one
archive, as they were at one instant. The fleet may run or not; writers wait for some
milliseconds, and the output says for how many.

The archive holds the results, the fleet's secret and its gateway's authority, and only its
owner can read it. The configuration is not in it. Without a name it is called after the fleet and the time.`,
		`  crawlfleet backup
  crawlfleet backup /backups/monday.tar.gz -o json`,
		0, 1, app.backup)
}

func (a *App) backup(ctx context.Context, args []string) error {
	l, err := a.config()
	if err != nil {
		return err
	}
	if err := a.embeddedOnly(l); err != nil {
		return err
	}
	d, err := config.LookDir(l.DataDir) // one of an older release too: that is when it is wanted
	if err != nil {
		return err
	}
	if d.Stamp.Compare(thisRelease()) > 0 {
		return d.Stamp.Newer(d.Path, thisRelease())
	}
	name := fmt.Sprintf("crawlfleet-%s-%s.tar.gz", d.Stamp.Fleet, time.Now().UTC().Format("20060102T150405Z"))
	if len(args) > 0 {
		name = args[0]
	}
	if name, err = filepath.Abs(name); err != nil {
		return err
	}
	r, err := backup.Create(ctx, d, name)
	if err != nil {
		return err
	}
	return printOne(a, r, func(w io.Writer) {
		facts(w, "archive", r.Archive, "fleet", string(r.Fleet), "instant", moment(r.Instant),
			"databases", text(r.Databases).text, "size", mebibytes(r.Packed)+" packed, "+mebibytes(r.Bytes)+" unpacked",
			"writers waited", span(r.Locked.Std()), "took", span(r.Took.Std()))
		_, _ = fmt.Fprintf(w, "\nTo go on from it, in another directory or on another machine:\n"+
			"  crawlfleet restore %s --data-dir NEW\n", r.Archive)
	})
}

// embeddedOnly refuses fleets whose state is not all in the data directory.
func (a *App) embeddedOnly(l *config.Loaded) error {
	for _, v := range l.Values() {
		if text := fmt.Sprint(v.Value); v.Path == "store" && strings.HasPrefix(text, "postgres") {
			return &fleet.Error{
				Code: fleet.CodeInvalid, Field: "store", Message: "the stores of this fleet are in PostgreSQL",
				Want: "a fleet whose stores are in its data directory",
				Hint: "stop the workers, then: pg_dump --format=custom --file=fleet.dump DATABASE; and save Temporal's own",
			}
		}
	}
	external, err := client.Configured(a.Environ)
	if err != nil {
		return err
	}
	if external {
		return &fleet.Error{
			Code: fleet.CodeInvalid, Field: "TEMPORAL_ADDRESS",
			Message: "the Temporal server is not the one of the data directory, and without it there is no one instant",
			Want:    "a fleet with the Temporal server of crawlfleet dev",
			Hint:    "unset TEMPORAL_ADDRESS; or stop all workers and save the server's databases by their own means",
		}
	}
	return nil
}

// mebibytes renders a size with the digits that people read.
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
