package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

const (
	// spaceFail is where a checkpoint of the write-ahead logs may not fit any more.
	spaceFail = 256 << 20
	// spaceWarn leaves a day of crawling on a busy fleet to make room in.
	spaceWarn = 2 << 30
	// walWarn is far over the few MiB at which SQLite writes a log back: a reader that
	// does not end keeps it from that.
	walWarn = 256 << 20
)

// directory reports whether there is a fleet of this release to look at.
func (d *doctor) directory() bool {
	const check = "data directory"
	dir, err := config.LookDir(d.cfg.DataDir)
	if err != nil {
		d.broke(check, err, "crawlfleet dev")
		return false
	}
	d.private(dir.Path, 0o700)
	d.private(filepath.Join(dir.Path, "secret"), 0o600)
	switch order := dir.Stamp.Compare(thisRelease()); {
	case order > 0:
		d.broke("release", dir.Stamp.Newer(dir.Path, thisRelease()), "")
		return false
	case order < 0:
		d.warn("release", "written by "+dir.Stamp.String()+" and not upgraded yet",
			"crawlfleet backup, then crawlfleet dev")
		return false
	}
	d.dir = dir
	d.ok(check, fmt.Sprintf("%s, fleet %s, %s", dir.Path, dir.Stamp.Fleet, dir.Stamp))
	return true
}

// private wants a path to be for its owner only.
func (d *doctor) private(path string, mode os.FileMode) {
	check := "permissions"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail(check, path+" is missing; crawlers have no credentials without it",
			"crawlfleet restore ARCHIVE --data-dir NEW")
	case err != nil:
		d.fail(check, err.Error(), "ls -ld "+path)
	case info.Mode().Perm()&^mode != 0:
		d.warn(check, fmt.Sprintf("others than its owner can use %s (%s)", path, info.Mode().Perm()),
			fmt.Sprintf("chmod %o %s", mode, path))
	}
}

func (d *doctor) space() {
	const check = "disk"
	free, err := backup.FreeSpace(d.dir.Path)
	says := mebibytes(free) + " free"
	switch {
	case err != nil:
		d.fail(check, err.Error(), "df -h "+d.dir.Path)
	case free < spaceFail:
		d.fail(check, says+"; transactions are about to fail", "df -h "+d.dir.Path)
	case free < spaceWarn:
		d.warn(check, says, "du -sh "+d.dir.Path+"/*")
	default:
		d.ok(check, says)
	}
	d.sizes()
}

// sizes sums the databases, and what of them is not written back yet.
func (d *doctor) sizes() {
	const check = "databases"
	var data, logs int64
	count := 0
	err := filepath.WalkDir(d.dir.Path, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went meanwhile
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // it went meanwhile
		}
		switch {
		case strings.HasSuffix(path, ".db"):
			data, count = data+info.Size(), count+1
		case strings.HasSuffix(path, ".db-wal"):
			logs += info.Size()
		}
		return nil
	})
	says := fmt.Sprintf("%d of %s, write-ahead logs %s", count, mebibytes(data), mebibytes(logs))
	switch {
	case err != nil:
		d.fail(check, err.Error(), "ls -lR "+d.dir.Path)
	case logs > walWarn:
		d.warn(check, says+"; a reader that does not end keeps them from being written back",
			"lsof "+d.dir.Control())
	default:
		d.ok(check, says)
	}
}

func (d *doctor) running() {
	const check = "fleet"
	r, err := d.dir.Running()
	switch {
	case err == nil:
		d.at = &r
		d.ok(check, fmt.Sprintf("runs as process %d since %s", r.PID, moment(r.Started)))
	case d.dir.Held():
		d.warn(check, "a process holds the directory and does not say that it serves: it starts, stops, or is a worker by itself",
			"crawlfleet fleet status")
	default:
		d.warn(check, "does not run; tickets wait", "crawlfleet dev")
	}
}
