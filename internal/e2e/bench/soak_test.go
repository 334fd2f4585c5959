package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBytesIn_CountsWhatIsInTheLogOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, bytesIn(t.Context(), dir))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "one.db")+"?_pragma=journal_mode(wal)&_pragma=wal_autocheckpoint(0)")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE pages (body BLOB)`)
	require.NoError(t, err)
	for range 2 {
		_, err = db.ExecContext(t.Context(), `INSERT INTO pages VALUES (zeroblob(100000))`)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, bytesIn(t.Context(), dir), int64(200_000))
}
