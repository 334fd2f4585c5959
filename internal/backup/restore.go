package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
)

// RestoreOptions say what is restored and where.
type RestoreOptions struct {
	Archive string
	Dir     string         // that is to come: absent or empty
	Release config.Release // that is to run it
	Now     time.Time
	// Left is told, before anything is to be seen, of the crawlers that ran at the
	// instant: the restored fleet does not have them. dir is where it is being made.
	Left func(dir string, crawlers []fleet.Instance) error
}

// Restored says what a restored fleet is.
type Restored struct {
	DataDir  string         `json:"dataDir"`
	Fleet    fleet.FleetID  `json:"fleet"` // a new one
	From     fleet.FleetID  `json:"from"`
	Instant  time.Time      `json:"instant"`
	Release  string         `json:"release"`  // that wrote the archive
	Crawlers int            `json:"crawlers"` // that ran then
	Took     fleet.Duration `json:"took"`
}

// Restore unpacks an archive as a fleet with an id of its own: the one that it was made
// of may still run, and what either starts is told from the other's by that id. Nothing
// is to be seen at Dir before all of it is right and on the disk.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	began := time.Now()
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return r, err
	}
	if err := vacant(dir); err != nil {
		return r, err
	}
	archive, err := openArchive(o.Archive)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, archive.close()) }()
	m := archive.manifest
	if err := m.Check(o.Release); err != nil {
		return r, err
	}
	work, err := workDir(dir, m.size())
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }() // nothing, once it is renamed
	if err := archive.unpack(ctx, work); err != nil {
		return r, err
	}
	r = Restored{
		DataDir: dir, Fleet: config.NewFleetID(), From: m.Stamp.Fleet, Instant: m.Instant, Release: m.Stamp.String(),
	}
	if r.Crawlers, err = adopt(ctx, work, m, r.Fleet, o); err != nil {
		return r, err
	}
	if err := appear(work, dir); err != nil {
		return r, err
	}
	r.Took = fleet.Duration(time.Since(began))
	return r, nil
}

// vacant refuses a directory that holds anything.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fleet.Invalid("dataDir", err.Error(), "a directory that is absent or empty")
	case len(entries) > 0:
		return fleet.Invalid("dataDir", dir+" is not empty: it holds "+entries[0].Name(),
			"a directory that is absent or empty").WithHint("crawlfleet restore ARCHIVE --data-dir NEW")
	}
	return nil
}

// workDir makes the directory that becomes the fleet's, beside it, if there is room.
func workDir(dir string, bytes int64) (string, error) {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fleet.Invalid("dataDir", err.Error(), "a directory that can be made")
	}
	if free, err := FreeSpace(parent); err == nil && free < bytes {
		return "", fleet.Invalid("dataDir", fmt.Sprintf("has %d MiB free, the archive unpacks to %d MiB",
			free>>20, bytes>>20), "room for it")
	}
	work, err := os.MkdirTemp(parent, ".crawlfleet-restore-")
	if err != nil {
		return "", fleet.Invalid("dataDir", err.Error(), "a directory that can be made")
	}
	return work, nil
}

// adopt gives what is unpacked to the new fleet, and answers how many crawlers it lost.
func adopt(
	ctx context.Context, work string, m Manifest, id fleet.FleetID, o RestoreOptions,
) (int, error) {
	left, err := controldb.Adopt(ctx, filepath.Join(work, controlName), id)
	if err != nil {
		return 0, err
	}
	if o.Left != nil {
		if err := o.Left(work, left); err != nil {
			return 0, err
		}
	}
	stamp := m.Stamp
	stamp.Fleet = id
	stamp.Restored = &config.Restored{From: m.Stamp.Fleet, Instant: m.Instant, At: o.Now.UTC()}
	return len(left), config.WriteStamp(work, stamp)
}

// appear puts the finished directory where it belongs, in one step.
func appear(work, dir string) error {
	err := filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = syncDir(path)
		}
		return err
	})
	if err == nil {
		err = os.Remove(dir) // which an empty one only allows
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = os.Rename(work, dir)
	}
	if err == nil {
		err = syncDir(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("restore to %s: %w", dir, err)
	}
	return nil
}
