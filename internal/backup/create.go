package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// The kinds of databases, as a release numbers their schemas.
const (
	KindControl = "control"
	KindTenants = "tenants"
)

// Report says what became of a fleet's databases.
type Report struct {
	Archive   string         `json:"archive"`
	Fleet     fleet.FleetID  `json:"fleet"`
	Instant   time.Time      `json:"instant"` // that every database is of
	Databases int            `json:"databases"`
	Bytes     int64          `json:"bytes"`  // unpacked
	Packed    int64          `json:"packed"` // of the archive
	Locked    fleet.Duration `json:"locked"` // how long writers were kept waiting
	Took      fleet.Duration `json:"took"`   // in all
}

// Create writes an archive of a data directory, whether its fleet runs or not. Beside
// the archive it needs room for a copy of the databases. An archive that exists is not
// replaced, and one that is there is whole.
func Create(ctx context.Context, d *config.Dir, archive string) (r Report, err error) {
	began := time.Now()
	if err := creatable(d, archive); err != nil {
		return r, err
	}
	work, err := os.MkdirTemp(filepath.Dir(archive), ".crawlfleet-backup-")
	if err != nil {
		return r, fleet.Invalid("archive", err.Error(), "a file in a directory that can be written to")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s, err := takeSnapshot(ctx, d.Path)
	if err != nil {
		return r, err
	}
	m, err := s.collect(ctx, d, work)
	if err := errors.Join(err, s.close()); err != nil {
		return r, err
	}
	fresh := filepath.Join(work, "archive")
	if err := pack(ctx, fresh, work, m); err != nil {
		return r, err
	}
	if err := os.Rename(fresh, archive); err != nil {
		return r, err
	}
	r = Report{
		Archive: archive, Fleet: d.Stamp.Fleet, Instant: s.instant, Databases: len(s.databases), Bytes: m.size(),
		Locked: fleet.Duration(s.locked),
	}
	if info, err := os.Stat(archive); err == nil {
		r.Packed = info.Size()
	}
	r.Took = fleet.Duration(time.Since(began))
	return r, syncDir(filepath.Dir(archive))
}

// creatable refuses what cannot be one consistent archive.
func creatable(d *config.Dir, archive string) error {
	if _, err := os.Lstat(archive); err == nil {
		return fleet.Invalid("archive", archive+" exists", "a name that is free")
	}
	if at, err := d.Store(""); err != nil || at != "" {
		return errors.Join(err, &fleet.Error{
			Code: fleet.CodeInvalid, Field: "dataDir",
			Message: "the rows of the fleet in " + d.Path + " are in PostgreSQL, and with them there is no one instant",
			Want:    "a fleet whose rows are in the directory's files",
			Hint:    "stop the fleet, then save the database with pg_dump and this directory with tar",
		})
	}
	if _, err := os.Stat(d.Control()); errors.Is(err, fs.ErrNotExist) {
		return &fleet.Error{
			Code: fleet.CodeNotFound, Field: "dataDir", Message: "the fleet in " + d.Path + " has not been started yet",
			Want: "a fleet that has run", Hint: "crawlfleet dev",
		}
	}
	if _, err := os.Stat(filepath.Join(d.Path, temporalMark)); errors.Is(err, fs.ErrNotExist) {
		return &fleet.Error{
			Code: fleet.CodeInvalid, Field: "dataDir",
			Message: "the Temporal server of the fleet in " + d.Path + " is another one's, and without it there is no one instant",
			Want:    "a fleet with the Temporal server of crawlfleet dev",
			Hint:    "stop all workers, then save the server's databases by their own means and this directory with tar",
		}
	}
	return nil
}

// collect copies what is pinned, and what else a fleet needs, below work.
func (s *snapshot) collect(ctx context.Context, d *config.Dir, work string) (Manifest, error) {
	m := Manifest{Format: FormatVersion, Instant: s.instant, Stamp: d.Stamp, Schemas: map[string]int{}}
	for _, db := range s.databases {
		path, err := place(work, db.name)
		if err == nil {
			err = db.copyTo(ctx, path)
		}
		if err == nil {
			err = m.add(db.name, path)
		}
		if err != nil {
			return m, err
		}
		if kind := kindOf(db.name); kind != "" {
			version, err := store.SchemaOf(ctx, path)
			if err != nil {
				return m, fmt.Errorf("%s: %w", db.name, err)
			}
			m.Schemas[kind] = max(m.Schemas[kind], version)
		}
	}
	for _, name := range []string{secretName, authorityName, temporalMark} {
		path, err := place(work, name)
		if err == nil {
			err = copyFile(filepath.Join(d.Path, filepath.FromSlash(name)), path)
		}
		if name == authorityName && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = m.add(name, path)
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

func kindOf(name string) string {
	switch {
	case name == controlName:
		return KindControl
	case strings.HasPrefix(name, tenantsDir+"/"):
		return KindTenants
	}
	return "" // Temporal's own: its server looks at them
}

// add measures a file.
func (m *Manifest) add(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	m.Files = append(m.Files, File{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// place gives the path of a file below a directory, and makes its folder.
func place(dir, name string) (string, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	return path, os.MkdirAll(filepath.Dir(path), 0o700)
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from) // a stamp, a secret, an authority: some bytes
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
