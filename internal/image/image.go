package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// nobody is who the program runs as: no user of any machine.
const nobody = 65532

// Image says what is in an image.
type Image struct {
	// Ref is the name with its tag, "crawlfleet-crawler:dev". Required.
	Ref string
	// Program is the path of a static program for Linux; it is the image's entry point,
	// under the base of its name. Required.
	Program string
	// Authorities is the path of the certificate authorities (PEM); default where systems
	// have them.
	Authorities string
	// Data is a directory that the program may write to, and that a volume begins with;
	// empty for none.
	Data string
	// Env is the program's environment, "NAME=value".
	Env []string
}

// File is one entry of an image.
type File struct {
	Name string
	Size int64
	Mode os.FileMode
}

// Report says what was written.
type Report struct {
	Ref      string
	Files    []File
	Unpacked int64 // bytes of the files
	Packed   int64 // bytes of the layer as a registry has it
}

// epoch is when everything in an image was made: it depends on its content only.
var epoch = time.Unix(0, 0).UTC() //nolint:gochecknoglobals // a constant, were there one

// Write writes the archive. Its errors name the option that is wrong.
func (i Image) Write(w io.Writer) (r Report, err error) {
	machine, err := architecture(i.Program)
	if err != nil {
		return r, err
	}
	layer, err := os.CreateTemp("", "crawlfleet-layer-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, layer.Close(), os.Remove(layer.Name())) }()
	sum := sha256.New()
	packed := newPacked()
	r.Ref = i.Ref
	if r.Files, err = i.writeLayer(io.MultiWriter(layer, sum, packed)); err != nil {
		return r, err
	}
	for _, f := range r.Files {
		r.Unpacked += f.Size
	}
	if r.Packed, err = packed.size(); err != nil {
		return r, err
	}
	diff := hex.EncodeToString(sum.Sum(nil))
	config, err := json.Marshal(i.config(machine, diff))
	if err != nil {
		return r, err
	}
	return r, i.writeArchive(w, layer, diff, config)
}

// config is the image's, in the words of the image specification.
func (i Image) config(machine, diff string) any {
	run := map[string]any{
		"User": fmt.Sprintf("%d:%d", nobody, nobody), "WorkingDir": "/",
		// There is no list of users to look it up in, and some libraries ask.
		"Env":        append([]string{"USER=crawlfleet", "HOME=/"}, i.Env...),
		"Entrypoint": []string{"/" + path.Base(i.Program)},
		"Labels":     map[string]string{"org.opencontainers.image.title": path.Base(i.Program)},
	}
	if i.Data != "" {
		run["Volumes"] = map[string]any{i.Data: struct{}{}}
	}
	return map[string]any{
		"architecture": machine, "os": "linux", "created": epoch, "config": run,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + diff}},
		"history": []any{map[string]any{"created": epoch, "created_by": "crawlfleet internal/image"}},
	}
}

func (i Image) writeArchive(w io.Writer, layer *os.File, diff string, config []byte) error {
	id := sha256.Sum256(config)
	name := hex.EncodeToString(id[:]) + ".json"
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": name, "RepoTags": []string{i.Ref}, "Layers": []string{diff + "/layer.tar"},
	}})
	if err != nil {
		return err
	}
	size, err := layer.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = layer.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	a := newArchive(w)
	a.file(name, 0o644, 0, int64(len(config)), bytes.NewReader(config))
	a.file(diff+"/layer.tar", 0o644, 0, size, layer)
	a.file("manifest.json", 0o644, 0, int64(len(manifest)), bytes.NewReader(manifest))
	return a.close()
}

// writeLayer writes the image's one layer.
func (i Image) writeLayer(w io.Writer) ([]File, error) {
	authorities, err := findAuthorities(i.Authorities)
	if err != nil {
		return nil, err
	}
	a := newArchive(w)
	for _, d := range []string{"etc", "etc/ssl", "etc/ssl/certs"} {
		a.dir(d, 0o755, 0)
	}
	a.copy("etc/ssl/certs/ca-certificates.crt", 0o644, authorities)
	if i.Data != "" {
		a.data(i.Data)
	}
	a.copy(path.Base(i.Program), 0o755, i.Program)
	return a.files, a.close()
}

// findAuthorities finds the file where systems have it.
func findAuthorities(given string) (string, error) {
	places := []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	}
	if given != "" {
		places = []string{given}
	}
	for _, p := range places {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return p, nil
		}
	}
	return "", fleet.Invalid("authorities", fmt.Sprintf("there are none at %v", places),
		"a file of PEM certificates").WithHint("apt-get install ca-certificates, or name one with -authorities")
}
