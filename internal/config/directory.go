package config

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// LayoutVersion is the version of the data directory's layout and databases. It
// rises when an older program could no longer read what this one writes.
const LayoutVersion = 1

// lockWait is how long OpenDir waits for the lock: a reader that looks whether the
// fleet runs holds it for a moment.
const lockWait = time.Second

// Stamp is what fleet.json says about a data directory.
type Stamp struct {
	Fleet   fleet.FleetID `json:"fleet"`
	Layout  int           `json:"layout"`
	Created time.Time     `json:"created"`
	// Versions are those of the programs that wrote last, by name.
	Versions map[string]string `json:"versions,omitempty"`
}

// Dir is a data directory of this layout.
type Dir struct {
	Path  string
	Stamp Stamp
	lock  *os.File // nil for a reader
}

// OpenDir opens a data directory for the one process that runs the fleet, and
// creates it when it is not there. It refuses with busy a directory that another
// process holds, naming its pid, and with version one of another layout. Versions
// are written into the stamp.
func OpenDir(path string, versions map[string]string, now time.Time) (*Dir, error) {
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
	if err := d.stamp(versions, now); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ReadDir opens a data directory for reading, beside the process that runs the
// fleet. A directory without a fleet is not_found.
func ReadDir(path string) (*Dir, error) {
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
	return d, err
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
	name := filepath.Join(d.Path, "secret")
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && d.lock != nil {
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails
		b = []byte(base64.RawStdEncoding.EncodeToString(random[:]))
		err = writeFile(name, b)
	}
	if err != nil {
		return "", fmt.Errorf("fleet secret: %w", err)
	}
	return fleet.Secret(bytes.TrimSpace(b)), nil
}

func (d *Dir) stamp(versions map[string]string, now time.Time) error {
	err := d.readStamp()
	if errors.Is(err, fs.ErrNotExist) {
		var id [6]byte // enough that two fleets on one substrate never meet
		_, _ = rand.Read(id[:])
		d.Stamp = Stamp{
			Fleet: fleet.FleetID("f-" + hex.EncodeToString(id[:])), Layout: LayoutVersion,
			Created: now.UTC(),
		}
		err = nil
	}
	if err != nil {
		return err
	}
	d.Stamp.Versions = versions
	return writeJSON(filepath.Join(d.Path, "fleet.json"), d.Stamp)
}

func (d *Dir) readStamp() error {
	name := filepath.Join(d.Path, "fleet.json")
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &d.Stamp); err != nil {
		return fleet.Errorf(fleet.CodeVersion, name+" is not a stamp: "+err.Error())
	}
	if d.Stamp.Layout == LayoutVersion {
		return nil
	}
	return &fleet.Error{
		Code: fleet.CodeVersion, Field: "dataDir",
		Message: fmt.Sprintf("%s has layout %d, written by %s", d.Path, d.Stamp.Layout, writers(d.Stamp)),
		Want:    fmt.Sprintf("layout %d", LayoutVersion),
		Hint: fmt.Sprintf("keep it with: tar czf %s.tar.gz -C %s . ; then start with an empty --data-dir",
			filepath.Base(d.Path), d.Path),
	}
}

func writers(s Stamp) string {
	if v := s.Versions["crawlfleet"]; v != "" {
		return "crawlfleet " + v
	}
	return "another version"
}

// takeLock holds the directory for as long as the process lives: the kernel gives
// it back whatever ends the process.
func takeLock(path string) (*os.File, error) {
	name := filepath.Join(path, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for give := time.Now().Add(lockWait); ; time.Sleep(lockWait / 50) {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(give) {
			return nil, errors.Join(heldBy(path, f, err), f.Close())
		}
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func heldBy(path string, f *os.File, cause error) error {
	if !errors.Is(cause, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock data directory: %w", cause)
	}
	b := make([]byte, 20) // the longest pid is shorter
	n, _ := f.ReadAt(b, 0)
	return &fleet.Error{
		Code: fleet.CodeBusy, Field: "dataDir",
		Message: fmt.Sprintf("%s is in use by process %s", path, strings.TrimSpace(string(b[:n]))),
		Want:    "one fleet per directory", Hint: "stop that process, or give another --data-dir",
	}
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
