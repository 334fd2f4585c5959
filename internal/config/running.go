package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Running is run/dev.json: where the fleet of a data directory can be reached.
type Running struct {
	Temporal  string    `json:"temporal"` // host:port
	Namespace string    `json:"namespace"`
	UI        string    `json:"ui,omitempty"`        // URL
	DataPlane string    `json:"dataPlane,omitempty"` // URL
	HTTP      string    `json:"http,omitempty"`      // URL of /livez, /readyz, /metrics
	Web       string    `json:"web,omitempty"`       // URL of the tenants' pages
	Gateway   string    `json:"gateway,omitempty"`   // URL of the gateway for crawlers
	Contact   string    `json:"contact,omitempty"`   // the operator's, as sites see it
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	// What readers need to know of how it runs.
	Offerings    []fleet.Offering `json:"offerings,omitempty"`
	AllowPrivate []netip.Prefix   `json:"allowPrivate,omitempty"`
	AllowPorts   []int            `json:"allowPorts,omitempty"`
	IgnoreRobots []fleet.TenantID `json:"ignoreRobots,omitempty"`
}

// SetRunning says where the fleet can be reached; ClearRunning takes it back.
func (d *Dir) SetRunning(r Running) error { return writeJSON(d.running(), r) }

// ClearRunning removes what SetRunning wrote.
func (d *Dir) ClearRunning() error {
	if err := os.Remove(d.running()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Running tells where the fleet of this directory can be reached. It is unavailable
// when no process holds the directory, whatever a killed one has left behind.
func (d *Dir) Running() (Running, error) {
	var r Running
	b, err := os.ReadFile(d.running())
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !d.Held():
		return r, &fleet.Error{
			Code: fleet.CodeUnavailable, Field: "dataDir", Message: "the fleet in " + d.Path + " does not run",
			Want: "a running fleet", Hint: "crawlfleet dev starts it; TEMPORAL_ADDRESS names another server",
		}
	case err != nil:
		return r, fmt.Errorf("read running fleet: %w", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read running fleet: %w", err)
	}
	return r, nil
}

// Held reports whether a process holds the directory.
func (d *Dir) Held() bool {
	if d.lock != nil {
		return true
	}
	f, err := os.Open(filepath.Join(d.Path, "lock"))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // which ends the lock
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

func (d *Dir) running() string { return filepath.Join(d.Path, "run", "dev.json") }
