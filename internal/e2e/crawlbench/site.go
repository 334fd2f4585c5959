package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const siteCommand = "site"

// The million: hubs pages that link to hubPages each.
const hubs, hubPages = 100, 10_000

// visit is a request as the site saw it.
type visit struct {
	Host string    `json:"host"`
	At   time.Time `json:"at"`
}

// site serves files from memory, so that the disk is in no measurement, and pages that
// are made as they are asked for.
type site struct {
	files map[string][]byte
	delay time.Duration
	mu    sync.Mutex
	seen  []visit
	watch bool
}

// serveSite is the site's process. It says where it listens, on as many addresses as it
// is asked for.
func serveSite(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	s := &site{files: map[string][]byte{}}
	flags := flag.NewFlagSet(siteCommand, flag.ContinueOnError)
	dir := flags.String("dir", "", "folder")
	hosts := flags.Int("hosts", 1, "addresses to listen on")
	flags.DurationVar(&s.delay, "delay", 0, "passes before each answer")
	flags.BoolVar(&s.watch, "watch", false, "remember each request")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := s.load(*dir); err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	var urls []string
	var serving sync.WaitGroup
	for i := range *hosts {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		if err != nil {
			return errors.Join(err, server.Close())
		}
		urls = append(urls, "http://"+l.Addr().String()+"/")
		serving.Go(func() { _ = server.Serve(l) })
	}
	err := answer(stdin, stdout, urls, map[string]func() any{"visits": func() any {
		s.mu.Lock()
		defer s.mu.Unlock()
		seen := s.seen
		s.seen = nil
		return seen
	}})
	err = errors.Join(err, server.Close())
	serving.Wait()
	return err
}

func (s *site) load(dir string) error {
	if dir == "" {
		return nil
	}
	return filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		s.files[strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(dir))] = b
		return err
	})
}

// ServeHTTP serves a file, a page of the million or a page of a polite host.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.watch {
		s.mu.Lock()
		s.seen = append(s.seen, visit{r.Host, time.Now()})
		s.mu.Unlock()
	}
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	body, ok := s.files[r.URL.Path]
	if !ok {
		body, ok = made(r.URL.Path)
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind := mime.TypeByExtension(path.Ext(r.URL.Path))
	if kind == "" {
		kind = "text/html; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body)
}

// made is a page that is in no file: /m/ is the million, /n/N/ a host of N pages.
func made(at string) ([]byte, bool) {
	var b strings.Builder
	var n, i int
	switch {
	case at == "/m/":
		for i := range hubs {
			fmt.Fprintf(&b, `<a href="/m/h%d">hub</a>`, i)
		}
	case scan(at, "/m/h%d", &n):
		for i := range hubPages {
			fmt.Fprintf(&b, `<a href="/m/p%d">page</a>`, n*hubPages+i)
		}
	case scan(at, "/m/p%d", &n):
		fmt.Fprintf(&b, `<title>%d</title>`, n)
	case scan(at, "/n/%d/%d", &n, &i):
		for j := range n {
			fmt.Fprintf(&b, `<a href="/n/%d/%d">page</a>`, n, j)
		}
	default:
		return nil, false
	}
	return []byte(b.String()), true
}

func scan(s, format string, into ...any) bool {
	n, err := fmt.Sscanf(s, format, into...)
	return err == nil && n == len(into)
}
