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
		"not asked for":     {"br", []byte(html), `content encoding "br"`},
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
	for i := range 4000 {
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
	require.Equal(t, "more than 4 MiB of links, the others are not followed", page.Reason)
	require.InDelta(t, 2000, len(page.Links), 200)
}
