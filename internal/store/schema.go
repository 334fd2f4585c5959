package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Newest is the number of the last migration to SQLite below a directory: the schema
// that a program with these migrations reads and writes.
func Newest(migrations fs.FS) int {
	newest := 0
	_ = fs.WalkDir(migrations, ".", func(file string, _ fs.DirEntry, err error) error { // embedded: never fails
		if err == nil && path.Base(path.Dir(file)) == SQLite.String() {
			number, _, _ := strings.Cut(path.Base(file), "_")
			if n, err := strconv.Atoi(number); err == nil {
				newest = max(newest, n)
			}
		}
		return nil
	})
	return newest
}

// SchemaOf is the number of the last migration that was applied to an SQLite file, which
// a program may be writing meanwhile; 0 for one that has none yet.
func SchemaOf(ctx context.Context, file string) (version int, err error) {
	db, err := OpenSQLite(file, true)
	if err != nil {
		return 0, err
	}
	err = db.Read(ctx, func(tx *Tx) error {
		var tables int
		err := tx.One(`SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`, nil, &tables)
		if err != nil || tables == 0 {
			return err
		}
		var last sql.NullInt64
		err = tx.One(`SELECT max(version_id) FROM goose_db_version WHERE is_applied`, nil, &last)
		version = int(last.Int64)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}
