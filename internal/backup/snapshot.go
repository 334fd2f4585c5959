package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// lockWithin bounds all tries for the locks: a fleet that is written to without a
	// pause for so long has no instant to offer.
	lockWithin = 30 * time.Second
	// lockPause is between two tries, for the writers that were kept waiting.
	lockPause = 100 * time.Millisecond
)

// snapshot is every database of a directory, pinned at one instant.
type snapshot struct {
	databases []*database
	instant   time.Time
	locked    time.Duration // how long writers were kept waiting
}

// takeSnapshot pins all databases of a data directory at one instant.
func takeSnapshot(ctx context.Context, dir string) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	for {
		s, err := trySnapshot(ctx, dir)
		if err == nil || !errors.Is(err, errChanged) && !isBusy(err) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, &fleet.Error{
				Code: fleet.CodeBusy, Field: "dataDir",
				Message: fmt.Sprintf("there was no instant within %s at which all databases could be held: %v",
					lockWithin, err),
				Want: "a pause between two transactions", Hint: "try again, or stop crawlfleet dev first",
			}
		case <-time.After(lockPause):
		}
	}
}

// errChanged says that a database came or went while the others were being locked.
var errChanged = errors.New("a tenant's database was made or removed meanwhile")

// isBusy reports a lock that somebody held for too long.
func isBusy(err error) bool {
	var coded interface{ Code() int }
	const busy, primary = 5, 0xff // SQLITE_BUSY, and the part of a code that is not extended
	return errors.As(err, &coded) && coded.Code()&primary == busy
}

func trySnapshot(ctx context.Context, dir string) (s *snapshot, err error) {
	s = &snapshot{}
	defer func() {
		if err != nil {
			err, s = errors.Join(err, s.close()), nil
		}
	}()
	names, err := databasesOf(dir)
	if err != nil {
		return s, err
	}
	for _, name := range names {
		d, err := openDatabase(ctx, name, filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			if _, gone := os.Stat(filepath.Join(dir, name)); errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(errChanged, err)
			}
			return s, err
		}
		s.databases = append(s.databases, d)
	}
	return s, s.take(ctx, dir, names)
}

// take holds all databases, in their order, and pins each: from the last hold to the
// first release nobody commits anywhere, so that all pins are of one instant.
func (s *snapshot) take(ctx context.Context, dir string, names []string) (err error) {
	var began time.Time
	defer func() {
		for _, d := range s.databases {
			err = errors.Join(err, d.free())
		}
		s.locked = time.Since(began)
	}()
	for i, d := range s.databases {
		if err := d.hold(ctx); err != nil {
			return err
		}
		if i == 0 { // the wait for the first one has kept nobody
			began = time.Now()
		}
	}
	now, err := databasesOf(dir)
	if err == nil && !slices.Equal(names, now) {
		err = errChanged
	}
	if err != nil {
		return err
	}
	s.instant = time.Now().UTC()
	for _, d := range s.databases {
		if err := d.pin(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) close() error {
	var err error
	for _, d := range s.databases {
		err = errors.Join(err, d.close())
	}
	return err
}

// databasesOf names the databases of a directory in the order in which they are locked.
// Nobody holds two of them at a time, so that any order is good that does not change.
func databasesOf(dir string) ([]string, error) {
	names := []string{controlName}
	tenants, err := os.ReadDir(filepath.Join(dir, tenantsDir)) // by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, t := range tenants {
		info, err := os.Stat(filepath.Join(dir, tenantsDir, t.Name(), tenantFile))
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			continue // not made yet, or removed: who did that will do it again
		}
		if err != nil {
			return nil, err
		}
		names = append(names, tenantsDir+"/"+t.Name()+"/"+tenantFile)
	}
	return append(names, temporalFiles()...), nil
}
