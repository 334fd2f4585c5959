package crawler_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// hostile is a site that does what a site can do to a crawler: each path is another way.
func hostile(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 64 {
		_, err := z.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	bomb := b.Bytes()
	for path, h := range map[string]http.HandlerFunc{
		"/endless-body": func(w http.ResponseWriter, r *http.Request) {
			for piece := bytes.Repeat([]byte("<p>x"), 1<<14); r.Context().Err() == nil; {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		},
		"/slow": func(w http.ResponseWriter, r *http.Request) {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-r.Context().Done():
					tick.Stop()
					return
				case <-tick.C:
					_, _ = w.Write([]byte("x"))
					_ = http.NewResponseController(w).Flush()
				}
			}
		},
		"/silent":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/reset":   raw(""),
		"/short":   raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<a href=/x>"),
		"/long":    raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<a href=/beyond>and more"),
		"/two":     raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"),
		"/chunks":  raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"),
		"/noise":   raw("\x00\x01\x02 this is not HTTP\r\n\r\n"),
		"/status":  raw("HTTP/1.1 999999 no\r\n\r\n"),
		"/header":  raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"),
		"/headers": raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1<<17) + "\r\n"),
		"/bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(bomb)
		},
		"/charset": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-7\xff")
			_, _ = w.Write([]byte("<meta charset=x-no-such><title>\xff\xfe\xfd</title><a href='/\xff'>x</a>"))
		},
		"/deep": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, strings.Repeat("<div><b><table>", 20_000))
		},
		"/loop/": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprint("/loop/", rand.Uint64()), http.StatusFound)
		},
		"/self": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/self", http.StatusMovedPermanently)
		},
		"/inside": http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound).ServeHTTP,
		"/file":   http.RedirectHandler("file:///etc/passwd", http.StatusFound).ServeHTTP,
		"/xml": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><urlset>`+strings.Repeat("<url><loc>&b;", 10_000))
		},
		"/links": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			for range 2000 {
				_, _ = fmt.Fprintf(w, "<a href=/x/%d/../../%s>x</a>", rand.Uint64(), strings.Repeat("%2e%2e/", 50))
			}
		},
	} {
		s.handle(path, h)
	}
	// Pages without end, each linking to ten more.
	var made atomic.Int64
	s.handle("/more/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for range 10 {
			_, _ = fmt.Fprintf(w, "<a href=/more/%d>x</a>", made.Add(1))
		}
	})
	var ways []string
	for _, w := range []string{
		"endless-body", "slow", "silent", "reset", "short", "long", "two", "chunks", "noise", "status", "header", "headers",
		"bomb", "charset", "deep", "loop/", "self", "inside", "file", "xml", "links", "more/",
	} {
		ways = append(ways, "/"+w)
	}
	s.page("/", append(ways, "http:///", "http://[::1", "//", "?", "javascript:", strings.Repeat("/a", 3000))...)
	return s
}

// raw answers bytes of one's own, and cuts the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, answer)
		if answer == "" {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
}

// Whatever the site does, the crawl ends, every page has an outcome, and memory stays
// bounded.
func TestHostile_TheCrawlEndsInBoundedMemory(t *testing.T) {
	s := hostile(t) // not parallel: the heap is measured
	rows := newStored(t)
	in := s.ticket("/")
	in.Scope.MaxPages, in.Scope.Hosts = 300, []string{strings.TrimPrefix(s.URL, "http://"), "169.254.169.254"}
	in.Fetch.Timeout, in.Fetch.Retries, in.Fetch.Concurrency = fleet.Duration(2*time.Second), new(int), 16
	in.Fetch.MaxBody = 4 << 20
	in.Sources.Sitemaps = true
	in.Extract = map[string]fleet.Field{"title": {CSS: "title", Required: true}, "x": {XPath: "//a/@href", Many: true}}
	var most atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapInuse))
			}
		}
	}()
	r, pages := rows.run(t, in)
	close(stop)
	<-done
	require.Contains(t, []fleet.Outcome{fleet.OutcomeLimited, fleet.OutcomeDone}, r.Outcome)
	require.True(t, r.Counters.Balanced())
	require.LessOrEqual(t, r.Counters.Fetched, int64(300))
	require.Less(t, most.Load(), uint64(160<<20), "the heap, with the site and its bomb in it")
	for path, want := range map[string]string{
		"/slow": "timeout", "/silent": "timeout", "/inside": "", "/file": "redirect to no page",
		"/self": "redirect to itself", "/short": "connection closed",
	} {
		require.Equal(t, want, pages[s.URL+path].Reason, path)
	}
	require.True(t, pages[s.URL+"/endless-body"].Truncated)
	require.True(t, pages[s.URL+"/bomb"].Truncated)
	require.Equal(t, "more than 250000 elements, fields are not read", pages[s.URL+"/endless-body"].Reason)
	require.Equal(t, fleet.PageFailed, pages["http://169.254.169.254/latest/meta-data/"].Outcome)
	require.Contains(t, pages["http://169.254.169.254/latest/meta-data/"].Reason, "private address")
	require.NotContains(t, pages, s.URL+"/beyond", "what follows a body is not a part of it")
	require.Positive(t, r.Counters.Cut.Length)
	t.Logf("%d pages, heap %d MiB, cut %s", len(pages), most.Load()>>20, r.Counters.Cut)
}
