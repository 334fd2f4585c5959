package crashpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Env names the folder of a crawler's points, in its environment.
const Env = "CRAWLFLEET_CRASHPOINTS"

// Moment is on which side of a call a program dies.
type Moment string

// The moments.
const (
	Before Moment = "before"
	After  Moment = "after"
)

// Any is in place of a tenant: whoever comes first.
const Any = fleet.TenantID("*")

// Point is one place to die at, in the work for one tenant.
type Point struct {
	Moment Moment
	Call   string // the wire name of an activity, or a call of ours such as "data.Raise"
	Tenant fleet.TenantID
}

// String is the point as it is written: "before Route acme".
func (p Point) String() string { return fmt.Sprintf("%s %s %s", p.Moment, p.Call, p.Tenant) }

// Parse reads what String wrote.
func Parse(text string) (Point, error) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		return Point{}, fmt.Errorf("%q is no crash point", text)
	}
	return Point{Moment: Moment(parts[0]), Call: parts[1], Tenant: fleet.TenantID(parts[2])}, nil
}

// Folder is where points are armed and noted: one empty file for each.
type Folder string

func (f Folder) armed(p Point) string { return filepath.Join(string(f), "armed", p.String()) }
func (f Folder) seen() string         { return filepath.Join(string(f), "seen") }

// Arm has the program that comes to the point first die there.
func (f Folder) Arm(p Point) error { return touch(f.armed(p)) }

// Armed reports whether nobody has died at the point since it was armed.
func (f Folder) Armed(p Point) bool {
	_, err := os.Stat(f.armed(p))
	return err == nil
}

// Seen lists the points that were come by.
func (f Folder) Seen() ([]Point, error) {
	entries, err := os.ReadDir(f.seen())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the crash points: %w", err)
	}
	points := make([]Point, 0, len(entries))
	for _, e := range entries {
		p, err := Parse(e.Name())
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// Forget drops what was noted in the work for a tenant.
func (f Folder) Forget(t fleet.TenantID) error {
	all, err := f.Seen()
	for _, p := range all {
		if p.Tenant == t {
			err = errors.Join(err, os.Remove(filepath.Join(f.seen(), p.String())))
		}
	}
	return err
}

func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("crash point: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("crash point: %w", err)
	}
	return file.Close()
}

// Points are those of one program. A nil one does nothing.
type Points struct{ folder Folder }

// New makes the points of a program that a folder steers.
func New(f Folder) *Points { return &Points{folder: f} }

// At is one place: it returns, or the program dies as by a power cut.
func (p *Points) At(m Moment, call string, t fleet.TenantID) {
	if p == nil {
		return
	}
	at := Point{m, call, t}
	if t != "" {
		_ = touch(filepath.Join(p.folder.seen(), at.String())) // what is not noted is missed by the test
	}
	// Who removes the file dies: nobody else, in no other process.
	if os.Remove(p.folder.armed(at)) != nil && os.Remove(p.folder.armed(Point{m, call, Any})) != nil {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kill is on its way: nothing more is done here
}

// Around does a call between its two places. A call that failed has no after.
func Around[T any](p *Points, call string, t fleet.TenantID, do func() (T, error)) (T, error) {
	p.At(Before, call, t)
	v, err := do()
	if err == nil {
		p.At(After, call, t)
	}
	return v, err
}
