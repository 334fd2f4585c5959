package crawler_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const html = `<title>Hello</title><a href="/linked">x</a>`

func pack(t *testing.T, open func(io.Writer) io.WriteCloser, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := open(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zstded(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err) // without options it has no way to fail
	}
	return z
}

func brotlied(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func TestBody_IsDecodedAndHashed(t *testing.T) {
	t.Parallel()
	deflated := func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 6); return f }
	zlibbed := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	zipped := pack(t, gzipped, []byte(html))
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		reason   string
	}{
		"plain":             {"", []byte(html), ""},
		"gzip":              {"gzip", zipped, ""},
		"gzip, old name":    {"X-GZip", zipped, ""},
		"gzip with padding": {"gzip", append(bytes.Clone(zipped), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ""},
		"not really gzip":   {"gzip", []byte(html), ""},
		"zlib":              {"deflate", pack(t, zlibbed, []byte(html)), ""},
		"raw deflate":       {"deflate", pack(t, deflated, []byte(html)), ""},
		"brotli":            {"br", pack(t, brotlied, []byte(html)), ""},
		"zstd":              {"zstd", pack(t, zstded, []byte(html)), ""},
		"not really zstd":   {"zstd", []byte(html), ""},
		"two layers":        {"gzip, br", pack(t, brotlied, zipped), ""},
		"identity":          {"identity", []byte(html), ""},
		"not asked for":     {"compress", []byte(html), `content encoding "compress"`},
		"too many layers":   {"gzip, gzip, gzip", zipped, "content encoding: 3 over each other"},
		"not really brotli": {"br", []byte(html), "content encoding: brotli: RESERVED"},
		"cut brotli":        {"br", pack(t, brotlied, []byte(html))[:20], "connection closed"},
		"cut zstd":          {"zstd", pack(t, zstded, []byte(html))[:20], "connection closed"},
		"cut gzip":          {"gzip", zipped[:len(zipped)-9], "connection closed"},
		"broken gzip":       {"gzip", broken(zipped), "content encoding: gzip: invalid checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.page("/linked")
			s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				_, _ = w.Write(c.body)
			})
			in := s.ticket("/")
			in.Fetch.Retries = new(int)
			p := newPlane(in)
			crawl(t, p)
			page := p.page(s.URL + "/")
			if c.reason != "" {
				require.Equal(t, fleet.PageFailed, page.Outcome)
				require.Equal(t, c.reason, page.Reason)
				return
			}
			require.Equal(t, fleet.PageFetched, page.Outcome, page.Reason)
			sum := sha256.Sum256([]byte(html))
			require.Equal(t, hex.EncodeToString(sum[:]), page.SHA256)
			require.EqualValues(t, len(html), page.Bytes)
			require.False(t, page.Truncated)
			require.Equal(t, "Hello", page.Title)
			require.Len(t, page.Links, 1)
		})
	}
}

func broken(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-6] ^= 1 // in the checksum
	return b
}

func TestBody_IsCutAtTheCap(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	bomb := pack(t, gzipped, make([]byte, 50<<20))
	exact := bytes.Repeat([]byte("x"), limit)
	for name, c := range map[string]struct {
		handler   http.HandlerFunc
		truncated bool
	}{
		"exactly the cap": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(exact) }, false},
		"one byte more": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(bytes.Clone(exact), 'y'))
		}, true},
		"gzip exactly": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(pack(t, gzipped, exact))
		}, false},
		"gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, true},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(exact); err != nil {
					return
				}
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/{$}", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				c.handler(w, r)
			})
			in := s.ticket("/")
			in.Fetch.MaxBody = limit
			p := newPlane(in)
			crawl(t, p)
			page := p.page(s.URL + "/")
			require.Equal(t, fleet.PageFetched, page.Outcome, page.Reason)
			require.Equal(t, c.truncated, page.Truncated)
			require.EqualValues(t, limit, page.Bytes)
		})
	}
}

func TestBody_TimeoutAndReset(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		reasons []string
	}{
		"slow headers": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []string{"timeout"}},
		"slow body": {func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
		}, []string{"timeout"}},
		"reset": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		}, []string{"connection reset", "connection closed"}},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("short"))
		}, []string{"connection closed", "connection reset"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handle("/{$}", c.handler)
			in := s.ticket("/")
			in.Fetch.Retries = new(int)
			in.Fetch.Timeout = fleet.Duration(300 * time.Millisecond)
			p := newPlane(in)
			r := crawl(t, p)
			require.Contains(t, c.reasons, p.page(s.URL+"/").Reason)
			require.Equal(t, fleet.OutcomeFailed, r.Outcome)
			require.Equal(t, fleet.CodeUnreachable, r.Error.Code)
		})
	}
}

func TestBody_LinksOfOnePageAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var b strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&b, "<a href=/%s/%d>x</a>", strings.Repeat("x", 1000), i)
	}
	s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(b.String()))
	})
	in := s.ticket("/")
	in.Scope.MaxPages = 1
	p := newPlane(in)
	crawl(t, p)
	page := p.page(s.URL + "/")
	require.Equal(t, fleet.PageFetched, page.Outcome)
	require.Equal(t, "more than 12 MiB of links, the others are not followed", page.Reason)
	require.InDelta(t, 6000, len(page.Links), 400)
}

// A bomb is cut long before the cap: what it unpacks to is worth nothing.
func TestBody_IsCutAtTheRatio(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	for name, open := range map[string]func(io.Writer) io.WriteCloser{
		"gzip": gzipped, "br": brotlied, "zstd": zstded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bomb := pack(t, open, make([]byte, size))
			s := newSite(t)
			s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Encoding", name)
				_, _ = w.Write(bomb)
			})
			in := s.ticket("/")
			in.Fetch.MaxBody = 100 << 20
			p := newPlane(in)
			crawl(t, p)
			page := p.page(s.URL + "/")
			require.Equal(t, fleet.PageFetched, page.Outcome, page.Reason)
			require.True(t, page.Truncated)
			require.Equal(t, "unpacks to more than 250 times its size, cut", page.Reason)
			require.Less(t, page.Bytes, int64(size/2))
		})
	}
}

func TestBody_OfAnUnwantedTypeIsNotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var links []string
	for path, c := range map[string]struct{ declared, body string }{
		"/html":       {"Text/HTML; charset=utf-8", html},
		"/png":        {"image/png", "\x89PNG\r\n\x1a\n"},
		"/pdf":        {"application/pdf", "%PDF-1.7"},
		"/unsaid":     {"", html},
		"/unsaid-png": {"", "\x89PNG\r\n\x1a\n"},
		"/stream":     {"application/octet-stream", html},
		"/stream-pdf": {"application/octet-stream", "%PDF-1.7"},
	} {
		links = append(links, path)
		s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.declared}
			if c.declared == "" {
				w.Header()["Content-Type"] = nil
			}
			_, _ = w.Write([]byte(c.body))
		})
	}
	// One that never ends would take the page's whole time if it were read.
	links = append(links, "/endless")
	s.handle("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s.handle("/linked", http.NotFound)
	s.page("/", links...)
	in := s.ticket("/")
	in.Fetch.Types = []string{"text/*", "application/xhtml+xml"}
	p := newPlane(in)
	crawl(t, p)
	require.Equal(t, []string{"/", "/html", "/stream", "/unsaid"}, p.urls(fleet.PageFetched, s.URL))
	require.Equal(t, []string{"/endless", "/pdf", "/png", "/stream-pdf", "/unsaid-png"},
		p.urls(fleet.PageSkipped, s.URL))
	require.Equal(t, "content type video/mp4", p.page(s.URL+"/endless").Reason)
	require.Equal(t, "content type unknown", p.page(s.URL+"/unsaid-png").Reason)
	require.Zero(t, p.page(s.URL+"/pdf").Bytes)
}
