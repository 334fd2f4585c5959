package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// lockWait is how long OpenDir waits for the lock: a reader that looks whether the
// fleet runs holds it for a moment.
const lockWait = time.Second

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
