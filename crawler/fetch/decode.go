package fetch

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding is what decoders understand.
const acceptEncoding = "gzip, deflate, br, zstd"

const (
	// maxLayers is how many encodings one body may have over each other: two are a mistake
	// of a proxy, more are malice.
	maxLayers = 2
	// zstdWindow is what RFC 9659 lets a content encoding ask a reader to remember.
	zstdWindow = 8 << 20
)

// pools keep what decoders need between bodies: 40 KB to some hundred KB each.
type pools struct {
	gzips   sync.Pool // of *gzip.Reader
	brotlis sync.Pool // of *brotli.Reader
	zstds   sync.Pool // of *zstd.Decoder
}

// decoding is a body under its encodings.
type decoding struct {
	io.Reader
	closers []func() // give back to the pools
}

func (d *decoding) close() {
	for _, f := range d.closers {
		f()
	}
	d.closers, d.Reader = nil, strings.NewReader("")
}

// codings are those that IANA registers as HTTP content codings, with their older names. What
// else is in the header (utf-8, none, binary) says nothing of the bytes: browsers take them as
// they are (Fetch standard, "handle content codings").
var codings = []string{
	"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd",
}

// layers reads a Content-Encoding header, outermost first.
func layers(header string) []string {
	var names []string
	for name := range strings.SplitSeq(strings.ToLower(header), ",") {
		if name = strings.TrimSpace(name); slices.Contains(codings, name) {
			names = append(names, name)
		}
	}
	slices.Reverse(names)
	return names
}

// decode undoes the content encodings of a body. A body that is not what its header
// claims is taken as it is, as browsers do.
func (p *pools) decode(src io.Reader, names []string) (*decoding, error) {
	d := &decoding{Reader: src}
	if len(names) > maxLayers {
		return nil, fmt.Errorf("%w: %d over each other", ErrEncoding, len(names))
	}
	for _, name := range names {
		if err := p.undo(d, name); err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

func (p *pools) undo(d *decoding, name string) error {
	switch name {
	case "gzip", "x-gzip", "deflate", "br", "zstd":
	default:
		return fmt.Errorf("%w %q", ErrEncoding, name)
	}
	src := bufio.NewReader(d.Reader)
	d.Reader = src
	magic, err := src.Peek(4)
	if len(magic) < 2 {
		if errors.Is(err, io.EOF) { // shorter than any encoded body but brotli's, mostly empty
			err = nil
		}
		if len(magic) == 0 || name != "br" {
			return err
		}
	}
	switch name {
	case "br":
		p.brotli(d, src)
	case "zstd":
		if string(magic) == "\x28\xb5\x2f\xfd" || len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18" {
			return p.zstd(d, src)
		}
	case "deflate":
		// "deflate" is zlib by the standard and raw deflate in some servers.
		if magic[0]&0x0f == 8 && (uint(magic[0])<<8|uint(magic[1]))%31 == 0 {
			z, err := zlib.NewReader(src)
			d.Reader = z
			return err
		}
		d.Reader = flate.NewReader(src)
	default:
		if magic[0] == 0x1f && magic[1] == 0x8b {
			return p.gzip(d, src)
		}
	}
	return nil
}

func (p *pools) gzip(d *decoding, src *bufio.Reader) error {
	z, _ := p.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	if err := z.Reset(src); err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	z.Multistream(false)
	d.Reader = &members{z: z, src: src}
	d.closers = append(d.closers, func() { p.gzips.Put(z) })
	return nil
}

// members are those of a gzip stream (RFC 1952, 2.2), behind which anything may follow: padding,
// or what a server has appended. As browsers do, that is left alone.
type members struct {
	z   *gzip.Reader // of one member
	src *bufio.Reader
}

// Read implements io.Reader.
func (m *members) Read(b []byte) (int, error) {
	for {
		n, err := m.z.Read(b)
		if n > 0 && errors.Is(err, io.EOF) {
			return n, nil
		}
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if magic, _ := m.src.Peek(2); string(magic) != "\x1f\x8b" {
			return 0, io.EOF
		}
		if err := m.z.Reset(m.src); err != nil {
			return 0, err
		}
		m.z.Multistream(false)
	}
}

func (p *pools) brotli(d *decoding, src io.Reader) {
	r, _ := p.brotlis.Get().(*brotli.Reader)
	if r == nil {
		r = brotli.NewReader(src)
	} else if err := r.Reset(src); err != nil {
		r = brotli.NewReader(src) // it has no way to fail
	}
	d.Reader = r
	d.closers = append(d.closers, func() { p.brotlis.Put(r) })
}

func (p *pools) zstd(d *decoding, src io.Reader) error {
	z, _ := p.zstds.Get().(*zstd.Decoder)
	var err error
	if z == nil {
		z, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), // without goroutines
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
	} else {
		err = z.Reset(src)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	d.Reader = z
	d.closers = append(d.closers, func() {
		if z.Reset(nil) == nil { // it lets go of the body
			p.zstds.Put(z)
		}
	})
	return nil
}
