package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lockRetry is the pause between two tries for a lock: the holder forks and writes
// two small files under it, which takes milliseconds.
const lockRetry = 2 * time.Millisecond

// lockFile takes the lock of a file, or gives up when ctx ends. The lock goes when
// every descriptor of this open file is closed, those that children inherit included.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, ctx.Err()), f.Close())
		case <-time.After(lockRetry):
		}
	}
}

// unlockFile gives the lock back for good. Closing alone is not enough: a process that
// is being forked this instant has a copy of the descriptor until it executes.
func unlockFile(f *os.File) error {
	return errors.Join(flock(f, syscall.LOCK_UN), f.Close())
}

// locked reports whether anybody holds the lock of a file; a missing file is not locked.
// It asks with a shared lock, so that two who ask do not take each other for the holder.
func locked(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = flock(f, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, f.Close()
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return false, unlockFile(f)
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
