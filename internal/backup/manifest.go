package backup

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// FormatVersion is the version of the archive's form. It rises when an older program
// could not unpack what this one packs: in the first one there was no authority.
const FormatVersion = 2

// The names of files in an archive and, with slashes, in a data directory.
const (
	manifestName = "manifest.json"
	secretName   = "secret"
	// authorityName is there where the fleet has a gateway, or had one.
	authorityName = config.AuthorityFile
	controlName   = "control.db"
	temporalDir   = "temporal"
	temporalMark  = temporalDir + "/server.json"
	tenantsDir    = "tenants"
	tenantFile    = "data.db"
)

// temporalFiles are the databases of the embedded Temporal server.
func temporalFiles() []string {
	return []string{temporalDir + "/temporal.db", temporalDir + "/visibility.db"}
}

// Manifest is the first file of an archive: all that is needed to judge the others.
type Manifest struct {
	Format  int       `json:"format"`
	Instant time.Time `json:"instant"` // that every database is of
	// Stamp is that of the data directory: fleet, layout, release.
	Stamp config.Stamp `json:"stamp"`
	// Schemas are those of the databases, by kind: of several the newest.
	Schemas map[string]int `json:"schemas"`
	Files   []File         `json:"files"`
}

// File is one file of an archive.
type File struct {
	Name   string `json:"name"` // with slashes, below the data directory
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// size is that of all files.
func (m Manifest) size() (bytes int64) {
	for _, f := range m.Files {
		bytes += f.Size
	}
	return bytes
}

// Check refuses what this release cannot restore, and what no release has packed.
func (m Manifest) Check(r config.Release) error {
	if m.Format < 1 || m.Format > FormatVersion {
		return &fleet.Error{
			Code: fleet.CodeVersion, Field: "archive",
			Message: fmt.Sprintf("it has the form %d, written by %s", m.Format, m.Stamp),
			Want:    fmt.Sprintf("the form %d at most", FormatVersion), Hint: "restore it with the release that wrote it",
		}
	}
	stamp := m.Stamp
	stamp.Schemas = m.Schemas // what is in the files counts
	if stamp.Compare(r) > 0 {
		e := stamp.Newer("the archive", r)
		e.Field, e.Hint = "archive", "restore it with that release: crawlfleet restore ARCHIVE --data-dir NEW"
		return e
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if f.Size < 0 || len(f.SHA256) != 64 || !known(f.Name) || seen[f.Name] {
			return broken(fmt.Sprintf("%s names %q, which is no file of a fleet", manifestName, f.Name))
		}
		seen[f.Name] = true
	}
	for _, name := range append(temporalFiles(), controlName, secretName, temporalMark) {
		if !seen[name] {
			return broken(manifestName + " does not name " + name)
		}
	}
	return nil
}

// known reports the names that Create packs: nothing else is unpacked, wherever it
// would lead.
func known(name string) bool {
	switch name {
	case secretName, authorityName, controlName, temporalMark:
		return true
	}
	for _, f := range temporalFiles() {
		if name == f {
			return true
		}
	}
	tenant, found := strings.CutPrefix(name, tenantsDir+"/")
	tenant, file := path.Split(tenant)
	return found && file == tenantFile && fleet.TenantID(strings.TrimSuffix(tenant, "/")).Validate() == nil
}

// broken is an archive that is not as it was packed.
func broken(message string) error {
	return fleet.Invalid("archive", message, "an archive of crawlfleet backup").
		WithHint("copy it again from where it is kept, or take an older one")
}
