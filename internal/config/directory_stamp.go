package config

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// LayoutVersion is the version of the data directory's layout. It rises when an older
// program could no longer read what this one writes, other than by the databases'
// schemas, which the stamp has beside it.
const LayoutVersion = 2

// crawlfleetProgram is the program whose version people know a release by.
const crawlfleetProgram = "crawlfleet"

// Release is a release as a data directory knows it.
type Release struct {
	// Versions are those of its programs, by name.
	Versions map[string]string
	// Schemas are those of its databases, by kind; a kind that is missing is not compared.
	Schemas map[string]int
	// Keep is called by OpenDir for the directory of an older release, before that is
	// stamped as this one's; nil to keep nothing. Its error leaves the directory as it is.
	Keep func(*Dir) error
}

// Stamp is what fleet.json says about a data directory.
type Stamp struct {
	Fleet   fleet.FleetID `json:"fleet"`
	Layout  int           `json:"layout"`
	Created time.Time     `json:"created"`
	// Versions are those of the programs that wrote last, by name.
	Versions map[string]string `json:"versions,omitempty"`
	// Schemas are those of the databases, by kind. Layout 1 did not say them: all were 1.
	Schemas map[string]int `json:"schemas,omitempty"`
	// Restored says where a restored fleet comes from.
	Restored *Restored `json:"restored,omitempty"`
}

// Restored is the origin of a restored fleet.
type Restored struct {
	From    fleet.FleetID `json:"from"`
	Instant time.Time     `json:"instant"` // that the backup is of
	At      time.Time     `json:"at"`
}

// NewFleetID makes an id that no other fleet on any substrate has.
func NewFleetID() fleet.FleetID {
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails
	return fleet.FleetID("f-" + hex.EncodeToString(id[:]))
}

// WriteStamp stamps a directory that is being made.
func WriteStamp(dir string, s Stamp) error { return writeJSON(filepath.Join(dir, "fleet.json"), s) }

// Compare is negative when the stamp is of an older release than r, positive when it is
// of a newer one. Versions are not compared: a build between releases has none.
func (s Stamp) Compare(r Release) int {
	older := s.Layout < LayoutVersion
	if s.Layout > LayoutVersion {
		return 1
	}
	for kind, ours := range r.Schemas {
		switch its := s.schema(kind); {
		case its > ours:
			return 1
		case its < ours:
			older = true
		}
	}
	if older {
		return -1
	}
	return 0
}

func (s Stamp) schema(kind string) int {
	if v, ok := s.Schemas[kind]; ok {
		return v
	}
	return 1
}

// String names the release that wrote a stamp.
func (s Stamp) String() string {
	who := "crawlfleet of another version"
	if v := s.Versions[crawlfleetProgram]; v != "" {
		who = "crawlfleet " + v
	}
	parts := []string{fmt.Sprintf("layout %d", s.Layout)}
	for _, kind := range slices.Sorted(maps.Keys(s.Schemas)) {
		parts = append(parts, fmt.Sprintf("%s schema %d", kind, s.Schemas[kind]))
	}
	return who + " (" + strings.Join(parts, ", ") + ")"
}

// stampOf is the stamp that a release writes.
func (r Release) stampOf(s Stamp) Stamp {
	s.Layout, s.Versions, s.Schemas = LayoutVersion, r.Versions, r.Schemas
	return s
}

// Newer is the refusal of what a newer release has written.
func (s Stamp) Newer(what string, r Release) *fleet.Error {
	us := r.stampOf(Stamp{})
	return &fleet.Error{
		Code: fleet.CodeVersion, Field: "dataDir",
		Message: fmt.Sprintf("%s was written by %s, which is newer than this %s", what, s, us),
		Want:    s.String() + " or newer",
		Hint: "run that release on it; or go on from an archive that this one can read: " +
			"crawlfleet restore ARCHIVE --data-dir NEW",
	}
}

// stamp writes who we are; what an older release has written is kept first.
func (d *Dir) stamp(r Release, now time.Time) error {
	err := d.readStamp()
	if errors.Is(err, fs.ErrNotExist) {
		d.Stamp = r.stampOf(Stamp{Fleet: NewFleetID(), Created: now.UTC()})
		return WriteStamp(d.Path, d.Stamp)
	}
	if err != nil {
		return err
	}
	switch order := d.Stamp.Compare(r); {
	case order > 0:
		return d.Stamp.Newer(d.Path, r)
	case order < 0:
		former := d.Stamp
		d.Former = &former
		if r.Keep != nil {
			if err := r.Keep(d); err != nil {
				return fmt.Errorf("upgrade %s from %s: %w", d.Path, former, err)
			}
		}
	}
	d.Stamp = r.stampOf(d.Stamp)
	return WriteStamp(d.Path, d.Stamp)
}

func (d *Dir) readStamp() error {
	name := filepath.Join(d.Path, "fleet.json")
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &d.Stamp); err != nil || d.Stamp.Fleet == "" || d.Stamp.Layout < 1 {
		return &fleet.Error{
			Code: fleet.CodeVersion, Field: "dataDir", Message: name + " is not a stamp",
			Want: "the fleet.json of a fleet",
			Hint: "give another --data-dir, or: crawlfleet restore ARCHIVE --data-dir NEW",
		}
	}
	return nil
}

// fits refuses what a reader of release r cannot read.
func (d *Dir) fits(r Release) error {
	switch order := d.Stamp.Compare(r); {
	case order > 0:
		return d.Stamp.Newer(d.Path, r)
	case order < 0:
		return &fleet.Error{
			Code: fleet.CodeVersion, Field: "dataDir",
			Message: fmt.Sprintf("%s was written by %s and is not upgraded to this %s yet",
				d.Path, d.Stamp, r.stampOf(Stamp{})),
			Want: "an upgraded directory",
			Hint: "crawlfleet backup --data-dir " + d.Path + " keeps it as it is; crawlfleet dev --data-dir " +
				d.Path + " upgrades it",
		}
	}
	return nil
}
