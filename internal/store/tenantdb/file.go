package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// fileName is the database in a tenant's folder.
const fileName = "data.db"

// files are databases of SQLite, each in a folder that has the tenant's name.
type files struct {
	dir      string
	readOnly bool
}

func newFiles(o Options) (*files, error) {
	if o.Dir == "" {
		return nil, fleet.Invalid("dir", "is missing", "the folder of the tenants' databases")
	}
	if !o.ReadOnly {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make %s: %w", o.Dir, err)
		}
	}
	return &files{dir: o.Dir, readOnly: o.ReadOnly}, nil
}

func (f *files) create(_ context.Context, t fleet.TenantID) error {
	if err := os.MkdirAll(filepath.Join(f.dir, string(t)), 0o700); err != nil {
		return err
	}
	// An empty file is an empty database: with it, opening is the same for both.
	file, err := os.OpenFile(f.path(t), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func (f *files) path(t fleet.TenantID) string { return filepath.Join(f.dir, string(t), fileName) }

func (f *files) open(ctx context.Context, t fleet.TenantID) (*store.DB, error) {
	if _, err := os.Stat(f.path(t)); errors.Is(err, fs.ErrNotExist) {
		return nil, noDatabase(t)
	} else if err != nil {
		return nil, fmt.Errorf("open database of %s: %w", t, err)
	}
	db, err := store.OpenSQLite(f.path(t), f.readOnly)
	if err != nil || f.readOnly {
		return db, err
	}
	return migrate(ctx, db, t)
}

func (f *files) destroy(_ context.Context, t fleet.TenantID) error {
	return os.RemoveAll(filepath.Join(f.dir, string(t)))
}

func (f *files) traces(_ context.Context, t fleet.TenantID) (map[string]int64, error) {
	found := map[string]int64{}
	err := filepath.WalkDir(filepath.Join(f.dir, string(t)),
		func(_ string, _ fs.DirEntry, err error) error {
			if err == nil {
				found["data files"]++
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	return found, err
}

func (f *files) close() error { return nil }
