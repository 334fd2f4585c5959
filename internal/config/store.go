package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Store gives the URL of the PostgreSQL database that the fleet's rows are in, "" where
// they are in files of the directory: the setting, else what the fleet was run with last.
// Who holds the directory records it, in a file of mode 0600. A fleet whose rows are in
// files is not taken elsewhere: they would stay behind.
func (d *Dir) Store(setting fleet.Secret) (fleet.Secret, error) {
	name := filepath.Join(d.Path, "store")
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the fleet's store: %w", err)
	}
	recorded := fleet.Secret(bytes.TrimSpace(b))
	if setting == "" || setting == recorded {
		return recorded, nil
	}
	if _, err := os.Stat(d.Control()); err == nil && recorded == "" {
		return "", &fleet.Error{
			Code: fleet.CodeConflict, Field: "store",
			Message: "the rows of the fleet in " + d.Path + " are in its own files",
			Want:    "no store, or a new --data-dir",
		}
	}
	if d.lock == nil {
		return setting, nil
	}
	return setting, writeFile(name, []byte(setting.Reveal()))
}
