package image

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"strings"
)

// archive is a tar that keeps its first error.
type archive struct {
	w     *tar.Writer
	files []File
	err   error
}

func newArchive(w io.Writer) *archive { return &archive{w: tar.NewWriter(w)} }

func (a *archive) header(h *tar.Header) {
	if a.err != nil {
		return
	}
	h.ModTime, h.Format = epoch, tar.FormatPAX
	a.err = a.w.WriteHeader(h)
	a.files = append(a.files, File{Name: "/" + strings.TrimSuffix(h.Name, "/"), Size: h.Size, Mode: h.FileInfo().Mode()})
}

func (a *archive) dir(name string, mode int64, owner int) {
	a.header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: owner, Gid: owner})
}

// data makes a directory of the program's own, and those above it.
func (a *archive) data(name string) {
	name = strings.Trim(name, "/")
	parents := strings.Split(path.Dir(name), "/")
	for i := range parents {
		a.dir(strings.Join(parents[:i+1], "/"), 0o755, 0)
	}
	a.dir(name, 0o700, nobody)
}

func (a *archive) file(name string, mode int64, owner int, size int64, from io.Reader) {
	a.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Uid: owner, Gid: owner, Size: size})
	if a.err == nil {
		_, a.err = io.Copy(a.w, from)
	}
}

// copy takes a file of this machine; a link is followed.
func (a *archive) copy(name string, mode int64, from string) {
	if a.err != nil {
		return
	}
	f, err := os.Open(from)
	if err != nil {
		a.err = err
		return
	}
	info, err := f.Stat()
	if err == nil {
		a.file(name, mode, 0, info.Size(), f)
	}
	a.err = errors.Join(a.err, err, f.Close())
}

func (a *archive) close() error { return errors.Join(a.err, a.w.Close()) }

// packed counts what a stream is worth when it is compressed as registries do.
type packed struct {
	n count
	*gzip.Writer
}

func newPacked() *packed {
	p := &packed{}
	p.Writer = gzip.NewWriter(&p.n)
	return p
}

// size ends it.
func (p *packed) size() (int64, error) {
	err := p.Close()
	return int64(p.n), err
}

type count int64

func (c *count) Write(b []byte) (int, error) {
	*c += count(len(b))
	return len(b), nil
}
