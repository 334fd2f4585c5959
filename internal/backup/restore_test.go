package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func archived(t *testing.T) (*config.Dir, string) {
	t.Helper()
	d, archive := newFleet(t), filepath.Join(t.TempDir(), "archive.tar.gz")
	_, err := backup.Create(t.Context(), d, archive)
	require.NoError(t, err)
	return d, archive
}

func TestRestore_IsAnotherFleetWithTheSameRows(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	for _, insert := range []string{
		`INSERT INTO crawlers (guid, tenant, state, offering, provider, account, country, region, slots,
			idle_after, price, currency, grain, reserved_at, launched_at, address)
			VALUES ('g-serving', 'acme', 'serving', 'o', 'p', 'a', 'DE', 'r', 1, 0, 0, 'EUR', 'second', 1, 2, '127.0.0.2'),
			('g-gone', 'acme', 'gone', 'o', 'p', 'a', 'DE', 'r', 1, 0, 0, 'EUR', 'second', 1, 2, ''),
			('g-reserved', 'acme', 'reserved', 'o', 'p', 'a', 'DE', 'r', 1, 0, 0, 'EUR', 'second', 1, 0, '')`,
	} {
		_, err := open(t, d.Control()).Exec(insert)
		require.NoError(t, err)
	}
	archive := filepath.Join(t.TempDir(), "a.tar.gz")
	_, err := backup.Create(t.Context(), d, archive)
	require.NoError(t, err)

	parent := t.TempDir()
	dir := filepath.Join(parent, "new")
	require.NoError(t, os.Mkdir(dir, 0o755))
	var left []fleet.Instance
	r, err := backup.Restore(t.Context(), backup.RestoreOptions{
		Archive: archive, Dir: dir, Release: release(), Now: day,
		Left: func(work string, crawlers []fleet.Instance) error {
			require.NotEqual(t, dir, work)
			require.Empty(t, names(t, dir), "nothing is to be seen yet")
			left = crawlers
			return nil
		},
	})
	require.NoError(t, err)
	require.NotEqual(t, d.Stamp.Fleet, r.Fleet)
	require.Equal(t, d.Stamp.Fleet, r.From)
	require.Len(t, left, 1, "what was never launched, or has ended, is not missed")
	require.Equal(t, fleet.Key{Fleet: r.Fleet, Tenant: "acme", GUID: "g-serving"}, left[0].Key)
	require.Equal(t, "127.0.0.2", left[0].Address)
	require.Equal(t, []string{"new"}, names(t, parent))

	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	again, err := config.OpenDir(dir, release(), day)
	require.NoError(t, err)
	t.Cleanup(func() { _ = again.Close() })
	require.Equal(t, r.Fleet, again.Stamp.Fleet)
	require.Equal(t, d.Stamp.Created, again.Stamp.Created)
	require.Equal(t, &config.Restored{From: r.From, Instant: r.Instant, At: day}, again.Stamp.Restored)
	want, err := d.Secret()
	require.NoError(t, err)
	got, err := again.Secret()
	require.NoError(t, err)
	require.Equal(t, want, got)
	var id fleet.FleetID
	require.NoError(t, open(t, again.Control()).QueryRow(`SELECT id FROM fleet`).Scan(&id))
	require.Equal(t, r.Fleet, id)
	require.NoError(t, open(t, d.Control()).QueryRow(`SELECT id FROM fleet`).Scan(&id))
	require.Equal(t, r.From, id, "the original keeps its own")
}

func TestRestore_RefusesADirectoryThatHoldsAnything(t *testing.T) {
	t.Parallel()
	d, archive := archived(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{d.Path, file} {
		_, err := backup.Restore(t.Context(), backup.RestoreOptions{
			Archive: archive, Dir: dir, Release: release(), Now: day,
		})
		var e *fleet.Error
		require.ErrorAs(t, err, &e, dir)
		require.Equal(t, "dataDir", e.Field)
	}
}

func TestRestore_OfWhatCannotBeFinishedLeavesNothing(t *testing.T) {
	t.Parallel()
	_, archive := archived(t)
	parent := t.TempDir()
	_, err := backup.Restore(t.Context(), backup.RestoreOptions{
		Archive: archive, Dir: filepath.Join(parent, "new"), Release: release(), Now: day,
		Left: func(string, []fleet.Instance) error { return errors.New("no room") },
	})
	require.ErrorContains(t, err, "no room")
	require.Empty(t, names(t, parent))
}

// file is one file of an archive that is being forged.
type file struct {
	header tar.Header
	body   []byte
}

// TestRestore_RefusesWhatIsNotAsItWasPacked: each archive is a good one with one change.
func TestRestore_RefusesWhatIsNotAsItWasPacked(t *testing.T) {
	t.Parallel()
	_, archive := archived(t)
	good := unpacked(t, archive)
	cases := map[string]struct {
		forge func(m *backup.Manifest, files []file) []file
		says  string
	}{
		"a changed byte": {func(_ *backup.Manifest, files []file) []file {
			files[2].body[100] ^= 1
			return files
		}, "damaged"},
		"a missing file": {func(_ *backup.Manifest, files []file) []file { return files[:len(files)-1] }, "is missing"},
		"a file too many": {func(_ *backup.Manifest, files []file) []file {
			more := file{header: files[1].header, body: []byte("x")}
			more.header.Name, more.header.Size = "fleet.json", 1
			return append(files[:1:1], append([]file{more}, files[1:]...)...)
		}, "fleet.json"},
		"a path that leads out": {func(m *backup.Manifest, files []file) []file {
			m.Files[1].Name = "tenants/../../out/data.db"
			files[2].header.Name = m.Files[1].Name
			return files
		}, "no file of a fleet"},
		"an absolute path": {func(m *backup.Manifest, files []file) []file {
			m.Files[1].Name = "/tmp/data.db"
			files[2].header.Name = m.Files[1].Name
			return files
		}, "no file of a fleet"},
		"a path only in the tar": {func(_ *backup.Manifest, files []file) []file {
			files[2].header.Name = "../out"
			return files
		}, "../out"},
		"a symbolic link": {func(_ *backup.Manifest, files []file) []file {
			files[2].header.Typeflag, files[2].header.Linkname = tar.TypeSymlink, "/etc/passwd"
			files[2].header.Size, files[2].body = 0, nil
			return files
		}, "is not what manifest.json says"},
		"a name twice": {func(m *backup.Manifest, files []file) []file {
			m.Files[2] = m.Files[1]
			return files
		}, "no file of a fleet"},
		"no control store": {func(m *backup.Manifest, files []file) []file {
			m.Files = m.Files[1:]
			return append(files[:1:1], files[2:]...)
		}, "does not name control.db"},
		"another form": {func(m *backup.Manifest, files []file) []file {
			m.Format = 7
			return files
		}, "the form 7, written by crawlfleet v1"},
		"a newer layout": {func(m *backup.Manifest, files []file) []file {
			m.Stamp.Layout++
			return files
		}, "newer than this crawlfleet v1"},
		"a newer schema": {func(m *backup.Manifest, files []file) []file {
			m.Schemas[backup.KindTenants] = 99
			return files
		}, "tenants schema 99"},
		"no manifest": {func(_ *backup.Manifest, files []file) []file {
			files[0].header.Name = "other.json"
			return files
		}, "does not begin with manifest.json"},
	}
	for name, tc := range cases {
		var m backup.Manifest
		require.NoError(t, json.Unmarshal(good[0].body, &m))
		files := make([]file, len(good))
		for i, f := range good {
			files[i] = file{header: f.header, body: bytes.Clone(f.body)}
		}
		files = tc.forge(&m, files)
		head, err := json.Marshal(m)
		require.NoError(t, err)
		files[0].body, files[0].header.Size = head, int64(len(head))
		refused(t, name, packed(t, files), tc.says)
	}
	whole, err := os.ReadFile(archive)
	require.NoError(t, err)
	refused(t, "the half of it", whole[:len(whole)/2], "")
	refused(t, "not compressed", []byte("manifest.json"), "not compressed")
	refused(t, "empty", nil, "")
}

func refused(t *testing.T, name string, archive []byte, says string) {
	t.Helper()
	parent := t.TempDir()
	path := filepath.Join(parent, "archive")
	require.NoError(t, os.WriteFile(path, archive, 0o600))
	_, err := backup.Restore(t.Context(), backup.RestoreOptions{
		Archive: path, Dir: filepath.Join(parent, "new"), Release: release(), Now: day,
	})
	var e *fleet.Error
	require.ErrorAs(t, err, &e, name)
	require.Equal(t, "archive", e.Field, "%s: %v", name, err)
	require.NotEmpty(t, e.Hint, name)
	require.Contains(t, e.Message, says, name)
	require.Equal(t, []string{"archive"}, names(t, parent), name)
	require.NoFileExists(t, filepath.Join(filepath.Dir(parent), "out"), name)
}

func unpacked(t *testing.T, archive string) (files []file) {
	t.Helper()
	b, err := os.ReadFile(archive)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		files = append(files, file{header: *h, body: body})
	}
	require.Equal(t, "manifest.json control.db tenants/acme/data.db", strings.Join([]string{
		files[0].header.Name, files[1].header.Name, files[2].header.Name,
	}, " "))
	return files
}

func packed(t *testing.T, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&f.header))
		_, err := w.Write(f.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, zip.Close())
	return out.Bytes()
}
