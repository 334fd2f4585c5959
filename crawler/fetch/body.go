package fetch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
)

const (
	// maxRatio is how many times larger than what was sent a body may become, once it has
	// ratioFrom bytes: text packs to a tenth, a table of zeros in gzip to a thousandth.
	maxRatio, ratioFrom = 250, 1 << 20
	// sniffed is how much of a body tells its type (mimesniff.spec.whatwg.org).
	sniffed = 512
)

// Cut says why a body was cut.
type Cut string

// The reasons of a cut.
const (
	CutNone  Cut = ""
	CutSize  Cut = "size"  // longer than MaxBody
	CutRatio Cut = "ratio" // a bomb
)

// capture is what the transport learns of one response; it travels in the
// request's context.
type capture struct {
	limit  int64 // of decoded bytes
	accept func(contentType string) bool
	take   func(contentType string, body io.Reader) []byte

	contentType string // as it was sent, with its charset
	location    string
	refused     bool // by accept
	size        int64
	wire        int64 // bytes as they were sent
	cut         Cut
	took        bool // by take, which made taken of it
	taken       []byte
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
	pools pools
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
	c.sum = newSum()
	resp.Header.Del("Location")
	if media, _, ok := strings.Cut(c.contentType, ";"); ok {
		resp.Header.Set("Content-Type", strings.TrimSpace(media))
	}
	b := &body{capture: c, source: resp.Body, pools: &d.pools}
	b.names = layers(strings.Join(resp.Header.Values("Content-Encoding"), ","))
	if c.accept != nil && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if media := mediaType(c.contentType); vague(media) {
			b.sniff = true
		} else {
			c.refused = !c.accept(media)
		}
	}
	resp.Body = b
	if c.take != nil && !c.refused && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if err := b.give(); err != nil {
			_ = b.Close() // the first error counts
			return nil, err
		}
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true // Colly must not unpack it a second time
	return resp, nil
}

// mediaType is a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// vague reports whether a type says nothing: then the body's beginning has to.
func vague(media string) bool {
	return !strings.Contains(media, "/") || media == "application/octet-stream" || media == "unknown/unknown"
}

// body is a response's body, decoded, cut and hashed as it is read. One whose type is
// not wanted is not read at all.
type body struct {
	*capture
	source  io.ReadCloser
	failure error // of the source
	names   []string
	pools   *pools
	plain   *decoding // nil until the first read: the headers may come long before
	sniff   bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.refused {
		return 0, io.EOF
	}
	if b.plain == nil {
		if err := b.begin(); err != nil {
			return 0, err
		}
		if b.refused {
			return 0, io.EOF
		}
	}
	if b.size >= ratioFrom && b.size > maxRatio*b.wire {
		b.cut = CutRatio
		return 0, io.EOF
	}
	room := b.limit - b.size
	if room <= 0 {
		return 0, b.more()
	}
	n, err := b.plain.Read(p[:min(int64(len(p)), room)])
	b.size += int64(n)
	b.sum.Write(p[:n])
	return n, b.blame(err)
}

// give lets the request's own reader have the body, and reads what that leaves: the digest is
// of all of it. Whoever reads it afterwards finds its end.
func (b *body) give() error {
	whole := &remembering{source: b}
	b.taken, b.took = b.take(b.contentType, whole), true
	if whole.failure == nil {
		_, _ = io.Copy(io.Discard, whole) // remembered as well
	}
	return whole.failure
}

// remembering is a reader whose error does not get lost in another one's hands.
type remembering struct {
	source  io.Reader
	failure error
}

// Read implements io.Reader.
func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failure = err
	}
	return n, err
}

// begin makes the body's decoding, and looks what it is where nobody has said so.
func (b *body) begin() (err error) {
	b.plain, err = b.pools.decode(sent{b}, b.names)
	if err != nil {
		return b.blame(err)
	}
	if !b.sniff {
		return nil
	}
	r := bufio.NewReader(b.plain.Reader)
	start, err := r.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return b.blame(err)
	}
	b.plain.Reader = r
	b.refused = !b.accept(mediaType(http.DetectContentType(start)))
	return nil
}

// sent is the body as it comes from the site.
type sent struct{ *body }

// Read implements io.Reader.
func (w sent) Read(p []byte) (int, error) {
	n, err := w.source.Read(p)
	w.wire += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failure = err
	}
	return n, err
}

// blame says whose an error is: the connection's, or the encoding's.
func (b *body) blame(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, ErrEncoding):
		return err
	case b.failure != nil:
		return b.failure
	case errors.Is(err, io.ErrUnexpectedEOF): // it was sent to its end, and lacks one
		return err
	default:
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
}

// more looks whether anything was cut off.
func (b *body) more() error {
	var one [1]byte
	n, err := io.ReadFull(b.plain, one[:])
	if n > 0 {
		b.cut = CutSize
		return io.EOF
	}
	return b.blame(err)
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.plain != nil {
		b.plain.close()
	}
	return b.source.Close()
}

// newSum makes the digest that tells one state of a page from another.
func newSum() hash.Hash { return sha256.New() }
