package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// thisRelease is what this program writes into a data directory.
func thisRelease() config.Release {
	return config.Release{
		Versions: map[string]string{"crawlfleet": thisBuild().Version},
		Schemas: map[string]int{
			backup.KindControl: controldb.SchemaVersion(), backup.KindTenants: tenantdb.SchemaVersion(),
		},
	}
}

// openDir opens the data directory for this process alone. One of an older release is
// upgraded: what its control database was is kept, and whoever opens the databases next
// migrates them.
func openDir(ctx context.Context, path string, log *zap.Logger) (*config.Dir, error) {
	r, kept := thisRelease(), ""
	r.Keep = func(d *config.Dir) (err error) {
		kept, err = keepControl(ctx, d, time.Now())
		return err
	}
	d, err := config.OpenDir(path, r, time.Now())
	if err == nil && d.Former != nil {
		log.Info("the data directory is upgraded", zap.Stringer("from", d.Former), zap.Stringer("to", d.Stamp),
			zap.String("the control database as it was", kept))
	}
	return d, err
}

// keepControl copies the control database to where an upgrade can be taken back from;
// "" where there is none yet. The tenants' databases are not copied: they may be large,
// and crawlfleet backup does that.
func keepControl(ctx context.Context, d *config.Dir, now time.Time) (string, error) {
	if _, err := os.Stat(d.Control()); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	dir := filepath.Join(d.Path, "upgrades")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep the control database: %w", err)
	}
	to := filepath.Join(dir, "control-"+now.UTC().Format("20060102T150405.000Z")+".db")
	if err := backup.CopyDatabase(ctx, d.Control(), to); err != nil {
		return "", fmt.Errorf("keep the control database: %w", err)
	}
	return to, nil
}
