package fetch_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

func taking(t *testing.T, h http.HandlerFunc, take func(string, io.Reader) []byte) (fetch.Response, error) {
	t.Helper()
	site := httptest.NewServer(h)
	t.Cleanup(site.Close)
	client := fetch.NewClient(fetch.Options{Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	t.Cleanup(client.Close)
	return client.NewVisitor(nil).Get(t.Context(), fetch.Request{
		URL: site.URL, Timeout: time.Minute, MaxBody: 100, Take: take,
	})
}

// The site sends the second line when the first one has been read.
func TestTake_ReadsWhileTheSiteSends(t *testing.T) {
	t.Parallel()
	read := make(chan string, 1)
	resp, err := taking(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "one\n")
		_ = z.Flush()
		w.(http.Flusher).Flush()
		select {
		case line := <-read:
			_, _ = io.WriteString(z, line+"two\n")
		case <-r.Context().Done():
		}
		_ = z.Close()
	}, func(contentType string, body io.Reader) []byte {
		line, err := bufio.NewReaderSize(body, 16).ReadString('\n')
		if err != nil {
			return nil
		}
		read <- line
		return []byte(contentType)
	})
	require.NoError(t, err)
	require.Equal(t, "text/plain; charset=utf-8", string(resp.Body))
	require.EqualValues(t, len("one\none\ntwo\n"), resp.Size, "what is left is read as well")
	require.Equal(t, "2291547ad3e59b88c9416745ddf0263d866bc94e6634e0c0657b81bf55bf0986", resp.SHA256)
}

func TestTake_LimitsAndErrorsAreTheFetchs(t *testing.T) {
	t.Parallel()
	all := func(_ string, body io.Reader) []byte {
		b, _ := io.ReadAll(body)
		return b
	}
	resp, err := taking(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 101))
	}, all)
	require.NoError(t, err)
	require.Len(t, resp.Body, 100)
	require.Equal(t, fetch.CutSize, resp.Cut)

	_, err = taking(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, _ = io.WriteString(w, "x")
	}, all)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "although nobody has looked at it")

	resp, err = taking(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) },
		func(string, io.Reader) []byte { panic("an error's body is held") })
	require.NoError(t, err)
	require.Equal(t, "no\n", string(resp.Body))
}
