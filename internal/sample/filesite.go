package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// FileOptions say where and how a FileSite serves. The zero value is good.
type FileOptions struct {
	// Address to listen on, as host:port. Empty is 127.0.0.1 and a free port.
	Address string
	// PageDelay passes before each answer.
	PageDelay time.Duration
	// Log also gets each request as a line of JSON, unless nil.
	Log io.Writer
}

// FileSite serves a directory of static files, such as a manual, without listings of directories.
// A directory answers with its index.html. Create it with NewFileSite.
type FileSite struct {
	*AccessLog
	dir     string
	options FileOptions
	origin  string
	root    *os.Root
	server  *http.Server
	serving sync.WaitGroup
}

// NewFileSite returns a site over the directory that serves nothing yet.
func NewFileSite(dir string, options FileOptions) *FileSite {
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	return &FileSite{AccessLog: NewAccessLog(options.Log), dir: dir, options: options}
}

// Start opens the directory and serves it; it returns when the first request can come. If it
// fails, nothing listens. A site starts once.
func (s *FileSite) Start(ctx context.Context) error {
	if s.server != nil {
		return fmt.Errorf("start file site %s: it was started before", s.dir)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return fmt.Errorf("start file site: %w", err)
	}
	l, err := listenOne(ctx, s.options.Address)
	if err != nil {
		return errors.Join(fmt.Errorf("start file site: %w", err), root.Close())
	}
	s.root, s.origin = root, "http://"+authority(l.authority)
	s.server = newServer(s.record(http.HandlerFunc(s.serve)))
	s.serving.Go(func() {
		_ = s.server.Serve(l) // http.ErrServerClosed after Stop
	})
	return nil
}

// Stop waits for the requests under way until ctx is done and cuts the rest. It also returns an
// error of writing FileOptions.Log. Stopping before Start does nothing.
func (s *FileSite) Stop(ctx context.Context) error {
	if s.server == nil {
		return nil
	}
	err := shutdown(ctx, s.server)
	s.serving.Wait()
	return errors.Join(err, s.root.Close(), s.Err())
}

// URL returns the URL of a path below the directory, with or without its leading slash. It is the
// key to compare a Truth in paths with URLs.
func (s *FileSite) URL(path string) string { return s.origin + "/" + strings.TrimPrefix(path, "/") }

// Truth is FileTruth of the directory, in URLs.
func (s *FileSite) Truth(index string) (Truth, error) {
	t, err := FileTruth(s.dir, index)
	if err != nil {
		return Truth{}, err
	}
	for _, list := range [][]string{t.Pages, t.Files, t.Broken, t.Orphans} {
		for i, p := range list {
			list[i] = s.URL(p)
		}
	}
	redirects := make(map[string]string, len(t.Redirects))
	for from, to := range t.Redirects {
		redirects[s.URL(from)] = s.URL(to)
	}
	t.Redirects = redirects
	return t, nil
}

func (s *FileSite) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	if s.options.PageDelay > 0 {
		timer := time.NewTimer(s.options.PageDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	name, slash := fileName(r.URL.Path)
	info, err := s.root.Stat(name)
	switch {
	case err != nil:
		http.NotFound(w, r)
	case info.IsDir() && !slash:
		w.Header().Set("Location", escapePath(r.URL.Path)+"/")
		w.WriteHeader(http.StatusMovedPermanently)
	case info.IsDir():
		s.send(w, r, path.Join(name, indexName))
	case slash:
		http.NotFound(w, r)
	default:
		s.send(w, r, name)
	}
}

// send answers with the file, also in part or not at all if that is what the headers ask for.
func (s *FileSite) send(w http.ResponseWriter, r *http.Request, name string) {
	f, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentTypeOf(name))
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// fileName is the name that a path has below the root, and whether the path ends in a slash.
func fileName(p string) (name string, slash bool) {
	name = strings.TrimPrefix(path.Clean("/"+p), "/")
	if name == "" {
		name = "."
	}
	return name, strings.HasSuffix(p, "/")
}

// contentTypeOf goes by a table of our own: the machine's would make the site differ by machine.
// HTML is sent without a charset, because the file says it.
func contentTypeOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html"
	case ".xhtml":
		return "application/xhtml+xml"
	case ".css":
		return "text/css"
	case ".js":
		return "text/javascript"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".xml":
		return "application/xml"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".pdf":
		return "application/pdf"
	default:
		return "application/octet-stream"
	}
}
