package sample

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// StatusClientGone is logged for a request whose client left, or whose site was stopped, before
// there was an answer. It is the number that nginx made known.
const StatusClientGone = 499

// Request is one line of the access log.
type Request struct {
	// Time is when the request arrived.
	Time time.Time `json:"time"`
	// Source is the address that the request came from, without its port.
	Source string `json:"source"`
	Method string `json:"method"`
	// Host is the authority that was asked for, in lower case.
	Host string `json:"host"`
	// Path is the canonical path with its query: equal for all spellings of one page.
	Path string `json:"path"`
	// Target is the request target exactly as it was sent.
	Target string `json:"target"`
	Status int    `json:"status"`
	Agent  string `json:"agent"`
}

// URL returns the canonical URL of what was requested.
func (r Request) URL() string { return "http://" + r.Host + r.Path }

// AccessLog records every request to a site. A request is in the log before the first byte of its
// answer leaves, so a client that has an answer can rely on finding it. Safe for concurrent use.
type AccessLog struct {
	mu       sync.Mutex
	requests []Request
	lines    *json.Encoder
	err      error
}

// NewAccessLog returns an empty log that also writes each request as a line of JSON to w, unless
// w is nil.
func NewAccessLog(w io.Writer) *AccessLog {
	l := &AccessLog{}
	if w != nil {
		l.lines = json.NewEncoder(w)
		l.lines.SetEscapeHTML(false)
	}
	return l
}

// Log returns a copy of all requests so far, in the order in which they were answered.
func (l *AccessLog) Log() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// Count returns how many requests there were for a canonical path (with query) on any host, or for
// a whole canonical URL if it begins with "http://". An aborted request counts.
func (l *AccessLog) Count(path string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := strings.HasPrefix(path, "http://")
	n := 0
	for _, r := range l.requests {
		if r.Path == path || whole && r.URL() == path {
			n++
		}
	}
	return n
}

// Sources returns the distinct addresses that requests came from, sorted.
func (l *AccessLog) Sources() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range l.requests {
		seen[r.Source] = true
	}
	return sortedKeys(seen)
}

// Err returns the first error of writing lines, or nil. The log in memory is complete either way.
func (l *AccessLog) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *AccessLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
	if l.lines == nil || l.err != nil {
		return
	}
	if err := l.lines.Encode(r); err != nil {
		l.err = fmt.Errorf("write access log: %w", err)
	}
}

// record wraps a handler so that each of its requests is logged once.
func (l *AccessLog) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, log: l, entry: entryOf(r)}
		// Deferred, because an aborted answer leaves the handler by a panic.
		defer rec.finish()
		next.ServeHTTP(rec, r)
	})
}

func entryOf(r *http.Request) Request {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr // never empty: an unknown source must show up as one
	}
	return Request{
		Time:   time.Now(),
		Source: source,
		Method: r.Method,
		Host:   authority(r.Host),
		Path:   canonicalPath(r.URL),
		Target: r.RequestURI,
		Agent:  r.UserAgent(),
	}
}

// recorder logs a request at the moment when its status is decided.
type recorder struct {
	http.ResponseWriter
	log   *AccessLog
	entry Request
	done  bool
}

func (w *recorder) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection, to flush.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) note(status int) {
	if w.done {
		return
	}
	w.done = true
	w.entry.Status = status
	w.log.add(w.entry)
}

func (w *recorder) finish() { w.note(StatusClientGone) }
