package fetch

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"
)

// acceptEncoding is what decoded understands.
const acceptEncoding = "gzip, deflate"

// capture is what the transport learns of one response; it travels in the
// request's context.
type capture struct {
	limit int64 // of decoded bytes

	contentType string // as it was sent, with its charset
	location    string
	size        int64
	truncated   bool
	sum         hash.Hash
}

type captureKey struct{}

func withCapture(ctx context.Context, c *capture) context.Context {
	return context.WithValue(ctx, captureKey{}, c)
}

// decoder is the round tripper under Colly. It undoes the content encoding,
// cuts the decoded body at the limit (Colly's own limit counts compressed bytes,
// so a gzip bomb passes it), hashes what is left, and takes from the headers what
// Colly or net/http would act upon: redirects and charsets are ours.
type decoder struct {
	next  http.RoundTripper
	gzips sync.Pool // of *gzip.Reader: 40 KB each
}

// RoundTrip implements http.RoundTripper.
func (d *decoder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	c, _ := req.Context().Value(captureKey{}).(*capture)
	if c == nil {
		return resp, nil
	}
	c.contentType, c.location = resp.Header.Get("Content-Type"), resp.Header.Get("Location")
	c.sum = sha256.New()
	resp.Header.Del("Location")
	if media, _, ok := strings.Cut(c.contentType, ";"); ok {
		resp.Header.Set("Content-Type", strings.TrimSpace(media))
	}
	resp.Body = &body{
		capture: c, source: resp.Body, gzips: &d.gzips,
		encoding: strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))),
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true // Colly must not unpack it a second time
	return resp, nil
}

// body is a response's body, decoded, cut and hashed as it is read.
type body struct {
	*capture
	source   io.ReadCloser
	encoding string
	reader   io.Reader // nil until the first read: the headers may come long before
	gzips    *sync.Pool
	gzip     *gzip.Reader
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.reader == nil {
		r, err := b.decoded()
		if err != nil {
			return 0, err
		}
		b.reader = r
	}
	room := b.limit - b.size
	if room <= 0 {
		return 0, b.more()
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), room)])
	b.size += int64(n)
	b.sum.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		if errors.Is(err, gzip.ErrHeader) && b.size > 0 {
			return n, io.EOF // what follows a complete gzip stream is padding
		}
		if b.encoding != "" && isCorrupt(err) {
			err = fmt.Errorf("%w: %w", ErrEncoding, err)
		}
	}
	return n, err
}

// more looks whether anything was cut off.
func (b *body) more() error {
	var one [1]byte
	n, err := io.ReadFull(b.reader, one[:])
	b.truncated = n > 0
	if n > 0 || errors.Is(err, gzip.ErrHeader) {
		return io.EOF
	}
	return err
}

// decoded is the body without its content encoding. A body that is not what its
// header claims is taken as it is, as browsers do.
func (b *body) decoded() (io.Reader, error) {
	switch b.encoding {
	case "", "identity":
		return b.source, nil
	case "gzip", "x-gzip", "deflate":
	default:
		return nil, fmt.Errorf("%w %q", ErrEncoding, b.encoding)
	}
	src := bufio.NewReader(b.source)
	magic, err := src.Peek(2)
	if len(magic) < 2 {
		if errors.Is(err, io.EOF) { // shorter than any encoded body, mostly empty
			err = nil
		}
		return src, err
	}
	if b.encoding != "deflate" {
		if magic[0] != 0x1f || magic[1] != 0x8b {
			return src, nil
		}
		return b.unzip(src)
	}
	// "deflate" is zlib by the standard and raw deflate in some servers.
	if magic[0]&0x0f == 8 && (uint(magic[0])<<8|uint(magic[1]))%31 == 0 {
		return zlib.NewReader(src)
	}
	return flate.NewReader(src), nil
}

func (b *body) unzip(src io.Reader) (io.Reader, error) {
	z, _ := b.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	if err := z.Reset(src); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	b.gzip = z
	return z, nil
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.gzip != nil {
		b.gzips.Put(b.gzip)
		b.gzip, b.reader = nil, http.NoBody
	}
	return b.source.Close()
}

func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt) ||
		errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) ||
		errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrHeader)
}
