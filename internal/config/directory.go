package config

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Dir is a data directory of this layout.
type Dir struct {
	Path  string
	Stamp Stamp
	// Former is what the stamp of an older release said; nil unless OpenDir upgraded it.
	Former *Stamp
	lock   *os.File // nil for a reader
}

// OpenDir opens a data directory for the one process that runs the fleet, and
// creates it when it is not there. It refuses with busy a directory that another
// process holds, naming its pid, and with version one of a newer release. That of an
// older one is stamped as ours, after r.Keep has kept what is about to change; whoever
// opens its databases then migrates them.
func OpenDir(path string, r Release, now time.Time) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	for _, dir := range []string{path, filepath.Join(path, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fleet.Invalid("dataDir", err.Error(), "a directory that can be written to")
		}
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: path, lock: lock}
	if err := d.stamp(r, now); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ReadDir opens a data directory for reading, beside the process that runs the
// fleet. A directory without a fleet is not_found, one of another release version.
func ReadDir(path string, r Release) (*Dir, error) {
	d, err := LookDir(path)
	if err == nil {
		err = d.fits(r)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// LookDir opens a data directory of whatever release for reading. What is in its
// databases may be of another schema than ours.
func LookDir(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read data directory: %w", err)
	}
	d := &Dir{Path: path}
	err = d.readStamp()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fleet.Error{
			Code: fleet.CodeNotFound, Field: "dataDir", Message: "no fleet in " + path,
			Want: "the data directory of a fleet", Hint: "crawlfleet dev starts one; --data-dir names another",
		}
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Close gives the directory back.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close() // which ends the lock
}

// Control is the file of the control store.
func (d *Dir) Control() string { return filepath.Join(d.Path, "control.db") }

// Tenants is the directory of the tenants' databases.
func (d *Dir) Tenants() string { return filepath.Join(d.Path, "tenants") }

// Temporal is the directory of the embedded Temporal server.
func (d *Dir) Temporal() string { return filepath.Join(d.Path, "temporal") }

// Logs is the directory of the programs' logs.
func (d *Dir) Logs() string { return filepath.Join(d.Path, "logs") }

// Crawlers is the directory of the process provider: pid files and logs.
func (d *Dir) Crawlers() string { return filepath.Join(d.Path, "crawlers") }

// CrawlerLog is the log of one crawler that runs as a process.
func (d *Dir) CrawlerLog(g fleet.GUID) string { return filepath.Join(d.Crawlers(), string(g)+".log") }

// Secret gives the fleet's own secret, from which the crawlers' credentials are
// made. It is created with the directory and kept in a file of mode 0600.
func (d *Dir) Secret() (fleet.Secret, error) {
	b, err := d.Kept("secret", func() ([]byte, error) {
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails
		return []byte(base64.RawStdEncoding.EncodeToString(random[:])), nil
	})
	if err != nil {
		return "", fmt.Errorf("fleet secret: %w", err)
	}
	return fleet.Secret(bytes.TrimSpace(b)), nil
}

// AuthorityFile is what Kept keeps the authority in that signs the gateway's certificates.
const AuthorityFile = "gateway-ca.pem"

// Kept gives what is kept in a file of mode 0600. Who holds the directory makes it where
// it is not there yet.
func (d *Dir) Kept(file string, made func() ([]byte, error)) ([]byte, error) {
	name := filepath.Join(d.Path, file)
	b, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) || d.lock == nil {
		return b, err
	}
	if b, err = made(); err != nil {
		return nil, err
	}
	return b, writeFile(name, b)
}

// probeSize is more than a file system keeps back for who has the file open already.
const probeSize = 64 << 10

// Writable reports why the directory takes no writes: a full disk, most of all. It writes
// and removes a small file.
func (d *Dir) Writable() error {
	name := filepath.Join(d.Path, "probe")
	err := errors.Join(os.WriteFile(name, make([]byte, probeSize), 0o600), os.Remove(name))
	if err != nil {
		return fleet.Errorf(fleet.CodeUnavailable, "the data directory takes no writes: "+err.Error()).
			WithHint("make room; what was accepted goes on by itself").Because(err)
	}
	return nil
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writeFile(name, append(b, '\n'))
}

// writeFile replaces a file in one step: a reader sees the old or the new one.
func writeFile(name string, b []byte) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}
