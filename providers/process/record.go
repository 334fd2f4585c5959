package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// record is what the run directory keeps of one crawler. Without a PID it is the
// intent to fork: whether that came to be, the lock says.
type record struct {
	fleet.Key
	Offering fleet.OfferingID `json:"offering"`
	Address  string           `json:"address"`
	PID      int              `json:"pid,omitempty"`
	// Start and Boot tell this process from another that gets its number.
	Start string `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`

	CreatedAt time.Time `json:"createdAt"`
	StopAt    time.Time `json:"stopAt,omitzero"` // first asked to stop
	KillAt    time.Time `json:"killAt,omitzero"` // end of its grace
	EndedAt   time.Time `json:"endedAt,omitzero"`
	ExitCode  *int      `json:"exitCode,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

func (r record) ended() bool { return !r.EndedAt.IsZero() }

func (r record) instance() fleet.Instance {
	i := fleet.Instance{
		Key: r.Key, Offering: r.Offering, Address: r.Address, ExitCode: r.ExitCode,
		Reason: r.Reason, CreatedAt: r.CreatedAt, EndedAt: r.EndedAt, Phase: fleet.PhaseRunning,
		Cut: r.ended() && r.Reason == reasonCut,
	}
	if r.PID != 0 {
		i.ProviderID = strconv.Itoa(r.PID)
	}
	switch {
	case r.ended():
		i.Phase = fleet.PhaseExited
	case !r.StopAt.IsZero():
		i.Phase = fleet.PhaseStopping
	case r.PID == 0:
		i.Phase = fleet.PhasePending
	}
	return i
}

// The rooms of the run directory.
const (
	liveRoom = "live"
	goneRoom = "gone"
)

// store is the run directory. Changes are made under its lock.
type store struct{ dir string }

func openStore(dir string) (store, error) {
	s := store{dir: dir}
	for _, room := range []string{liveRoom, goneRoom} {
		if err := os.MkdirAll(filepath.Join(dir, room), 0o700); err != nil {
			return s, fmt.Errorf("run directory: %w", err)
		}
	}
	return s, nil
}

func (s store) path(room string, g fleet.GUID) string {
	return filepath.Join(s.dir, room, string(g)+".json")
}

func (s store) lifePath(g fleet.GUID) string {
	return filepath.Join(s.dir, liveRoom, string(g)+".lock")
}

func (s store) logPath(g fleet.GUID) string {
	return filepath.Join(s.dir, string(g)+".log")
}

// read gives a record; fs.ErrNotExist when there is none.
func (s store) read(room string, g fleet.GUID) (record, error) {
	var r record
	if err := g.Validate(); err != nil {
		return r, fmt.Errorf("%w: %w", fs.ErrNotExist, err) // also keeps paths inside
	}
	b, err := os.ReadFile(s.path(room, g))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %s: %w", errDamaged, s.path(room, g), err)
	}
	return r, nil
}

// errDamaged is a record that cannot be read: a disk or a hand did that, for writes are
// whole. The lock still says whether its crawler lives.
var errDamaged = errors.New("the record is damaged")

// salvaged is what is known of a crawler whose record is damaged, to who knows its key:
// its process is searched for when it has to be stopped.
func salvaged(k fleet.Key) record { return record{Key: k, Reason: errDamaged.Error()} }

func (s store) write(room string, r record) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("record of %s: %w", r.GUID, err)
	}
	if err := writeFile(s.path(room, r.GUID), b, true); err != nil {
		return fmt.Errorf("record of %s: %w", r.GUID, err)
	}
	return nil
}

// bury moves the record of an ended crawler to where it keeps its GUID from being run
// again. Cut short, it is there twice and the next call ends it.
func (s store) bury(r record) error {
	if err := s.write(goneRoom, r); err != nil {
		return err
	}
	return s.forget(r.GUID)
}

// forget removes the live record and its lock file.
func (s store) forget(g fleet.GUID) error {
	return errors.Join(remove(s.path(liveRoom, g)), remove(s.lifePath(g)))
}

// live lists the GUIDs that have a live record.
func (s store) live() ([]fleet.GUID, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, liveRoom))
	if err != nil {
		return nil, err
	}
	var out []fleet.GUID
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			out = append(out, fleet.GUID(name))
		}
	}
	return out, nil
}

// writeFile replaces a file so that a crash of ours leaves the old one or the new one,
// and, when it has to be durable, a crash of the machine too.
func writeFile(path string, b []byte, durable bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if durable {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil || !durable {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
