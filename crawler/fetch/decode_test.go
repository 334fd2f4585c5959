package fetch

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// read reads a body to its end or to the limit, as Colly does.
func read(p *pools, wire []byte, encoding string, limit int64) ([]byte, *body, error) {
	c := &capture{limit: limit, sum: newSum()}
	b := &body{capture: c, source: io.NopCloser(bytes.NewReader(wire)), pools: p, names: layers(encoding)}
	got, err := io.ReadAll(b)
	_ = b.Close()
	return got, b, err
}

// A decoder from the pool must not remember the body before.
func TestDecode_PooledDecodersForget(t *testing.T) {
	t.Parallel()
	p := new(pools)
	text := bytes.Repeat([]byte("all the same "), 1000)
	for _, encoding := range []string{"gzip", "br", "zstd", "gzip", "br", "zstd"} {
		wire := packed(t, encoding, text)
		got, _, err := read(p, wire, encoding, 1<<20)
		require.NoError(t, err, encoding)
		require.Equal(t, text, got, encoding)
		_, _, err = read(p, wire[:len(wire)/2], encoding, 1<<20)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, encoding)
		got, b, err := read(p, wire, encoding, 100) // left in the middle
		require.NoError(t, err, encoding)
		require.Equal(t, text[:100], got, encoding)
		require.Equal(t, CutSize, b.cut)
	}
}

// RFC 9659: a body that wants more memory than a reader has to give is refused.
func TestDecode_ZstdWindowIsBounded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(64<<20))
	require.NoError(t, err)
	_, err = z.Write(bytes.Repeat([]byte("window"), 32<<20/6))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	_, _, err = read(new(pools), out.Bytes(), "zstd", 100<<20)
	require.ErrorIs(t, err, ErrEncoding)
}

// RFC 1952, 2.2, and what servers append to it; Fetch standard, "handle content codings".
func TestDecode_ByWhatTheBodyIs(t *testing.T) {
	t.Parallel()
	const text = "text"
	one := string(packed(t, "gzip", []byte(text)))
	empty := string(packed(t, "gzip", nil))
	for name, c := range map[string]struct{ encoding, wire, want string }{
		"two members":        {"gzip", one + one, text + text},
		"an empty member":    {"gzip", empty + one + empty, text},
		"a word behind":      {"gzip", one + "end", text},
		"much behind":        {"gzip", one + strings.Repeat("end", 100), text},
		"zeros behind":       {"gzip", one + strings.Repeat("\x00", 512), text},
		"a charset":          {"utf-8", text, text},
		"none":               {"none", text, text},
		"a type":             {"text/html", text, text},
		"a charset and gzip": {"UTF-8, GZIP", one, text},
	} {
		got, _, err := read(new(pools), []byte(c.wire), c.encoding, 1<<20)
		require.NoError(t, err, name)
		require.Equal(t, c.want, string(got), name)
	}
	for name, c := range map[string]struct{ encoding, wire string }{
		"the second member is cut":       {"gzip", one + one[:len(one)-3]},
		"and so is its beginning":        {"gzip", one + one[:5]},
		"an encoding that nobody undoes": {"compress", text},
		"one that needs a dictionary":    {"dcb", text},
	} {
		_, _, err := read(new(pools), []byte(c.wire), c.encoding, 1<<20)
		require.Error(t, err, name)
	}
}

func packed(t testing.TB, encoding string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		require.NoError(t, err)
		w = z
	default:
		w = gzip.NewWriter(&out)
	}
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Whatever a server sends, it is read to an end within the cap.
func FuzzDecode_StaysWithinTheCap(f *testing.F) {
	for _, encoding := range []string{"gzip", "br", "zstd", "deflate", "gzip, br"} {
		f.Add(packed(f, encoding, []byte("hello hello hello")), encoding)
		f.Add(packed(f, encoding, make([]byte, 1<<16)), encoding)
		f.Add([]byte{}, encoding)
		f.Add([]byte{0x78, 0x9c}, encoding)
	}
	p := new(pools)
	f.Fuzz(func(t *testing.T, wire []byte, encoding string) {
		const limit = 1 << 16
		got, b, err := read(p, wire, encoding, limit)
		require.LessOrEqual(t, len(got), limit)
		if err == nil {
			require.EqualValues(t, len(got), b.size)
		}
	})
}
