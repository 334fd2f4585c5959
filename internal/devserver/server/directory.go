package main

import (
	"context"
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

	"go.temporal.io/server/common/headers"
)

// Files of a data directory.
const (
	lockFile       = "server.lock"
	stampFile      = "server.json"
	mainFile       = "temporal.db"
	visibilityFile = "visibility.db"
)

// lockPoll is how often a held lock is tried again; flock has no deadline of its own.
const lockPoll = 50 * time.Millisecond

// stamp says who wrote a directory.
type stamp struct {
	Server string `json:"server"` // version of the Temporal server
}

// directory is a data directory that this process holds.
type directory struct {
	path string
	lock *os.File
}

// openDirectory makes path if need be, locks it, and checks that this server version wrote it.
// A lock that is held is waited for as long as wait says.
func openDirectory(ctx context.Context, path string, wait time.Duration) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve the data directory: %w", err)
	}
	// Histories hold what the crawls found: nobody else's to read.
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := takeLock(ctx, filepath.Join(path, lockFile), wait)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, lock: lock}
	if err := d.checkStamp(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close gives the directory free. The kernel does the same when the process dies.
func (d *directory) Close() error { return d.lock.Close() }

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// checkStamp refuses another version's directory and stamps a new one. The stamp is written
// before the first table, so a database without a stamp is not ours.
func (d *directory) checkStamp() error {
	b, err := os.ReadFile(d.file(stampFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(d.file(mainFile)); err == nil {
			return &Failure{Code: codeVersion, Flag: "--data-dir", Message: fmt.Sprintf(
				"%s holds a %s but no %s: it was not written by crawlfleet-server",
				d.path, mainFile, stampFile)}
		}
		return d.writeStamp()
	}
	if err != nil {
		return fmt.Errorf("read the version stamp: %w", err)
	}
	var s stamp
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read the version stamp %s: %w", d.file(stampFile), err)
	}
	if s.Server != headers.ServerVersion {
		return &Failure{Code: codeVersion, Flag: "--data-dir", Message: fmt.Sprintf(
			"%s was written by Temporal server %s and this is %s, which cannot upgrade it; "+
				"keep it (tar -czf backup.tgz -C %s .) and start with a new directory, "+
				"or run the version that wrote it", d.path, s.Server, headers.ServerVersion, d.path)}
	}
	return nil
}

func (d *directory) writeStamp() error {
	b, err := json.Marshal(stamp{Server: headers.ServerVersion})
	if err != nil {
		return fmt.Errorf("encode the version stamp: %w", err)
	}
	tmp := d.file(stampFile + ".tmp")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the version stamp: %w", err)
	}
	if err := os.Rename(tmp, d.file(stampFile)); err != nil {
		return fmt.Errorf("write the version stamp: %w", err)
	}
	return nil
}

// takeLock locks the file and writes our pid into it, for the message of whoever comes second.
func takeLock(ctx context.Context, path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	deadline := time.Now().Add(wait)
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			return nil, errors.Join(lockHeld(path), f.Close())
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockPoll):
		}
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock: %w", err), f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock: %w", err), f.Close())
	}
	return f, nil
}

func lockHeld(path string) error {
	holder := "another server"
	if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
		holder = "the server with process id " + strings.TrimSpace(string(b))
	}
	return &Failure{Code: codeBusy, Flag: "--data-dir", Message: fmt.Sprintf(
		"%s is in use by %s", filepath.Dir(path), holder)}
}
