package sample

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// manual writes a small directory of HTML.
func manual(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html": `<a href="a.html#top">a</a> <a href="./sub">sub</a> <a href="x/../a.html">a</a>
			<a href="missing.html">gone</a> <a href="https://elsewhere.example/p#f">out</a>
			<a href="mailto:x@y">mail</a> <map><area href="pic.png"></map> <a name="here">no link</a>`,
		"a.html": `<base href="/sub/"><a href="b.html">b</a>
			<a href="%C3%A9t%C3%A9.html?">é</a>`,
		"sub/index.html":  `<a href="../index.html">up</a> <a href=" b.html?q=1 ">b</a>`,
		"sub/b.html":      `<a href="/empty/">empty</a> <a href="(c).txt">c</a>`,
		"sub/été.html":    `<p>summer`,
		"sub/(c).txt":     `rights`,
		"empty/.keep":     ``,
		"pic.png":         `png`,
		"lonely.html":     `<a href="lonelier.html">more</a>`,
		"lonelier.html":   `<p>nobody comes here`,
		"sub/deeper.html": `<p>nor here`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func startedFiles(t *testing.T, dir string) *FileSite {
	t.Helper()
	s := NewFileSite(dir, FileOptions{})
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

func TestFileTruth_OfASmallManual(t *testing.T) {
	t.Parallel()
	truth, err := FileTruth(manual(t), "index.html")
	require.NoError(t, err)
	require.Equal(t, Truth{
		Pages: []string{
			"/a.html", "/index.html", "/sub/", "/sub/%C3%A9t%C3%A9.html", "/sub/b.html",
			"/sub/b.html?q=1",
		},
		Files:      []string{"/pic.png", "/sub/(c).txt"},
		Redirects:  map[string]string{"/sub": "/sub/"},
		Broken:     []string{"/empty/", "/missing.html"},
		OutOfScope: []string{"https://elsewhere.example/p"},
		Orphans:    []string{"/lonelier.html", "/lonely.html", "/sub/deeper.html"},
	}, truth)
}

func TestFileTruth_UnreadableInputIsAnError(t *testing.T) {
	t.Parallel()
	_, err := FileTruth(filepath.Join(t.TempDir(), "absent"), "index.html")
	require.ErrorIs(t, err, os.ErrNotExist)
	truth, err := FileTruth(t.TempDir(), "index.html")
	require.NoError(t, err)
	require.Equal(t, []string{"/index.html"}, truth.Broken)
}

func TestFileSite_AnswersAsItsTruthSays(t *testing.T) {
	t.Parallel()
	s := startedFiles(t, manual(t))
	truth, err := s.Truth("index.html")
	require.NoError(t, err)
	for _, url := range truth.Pages {
		resp, _ := fetch(t, url)
		require.Equal(t, http.StatusOK, resp.StatusCode, url)
		require.Equal(t, "text/html", resp.Header.Get("Content-Type"), url)
		require.Equal(t, 1, s.Count(url), url)
	}
	for _, url := range truth.Files {
		resp, _ := fetch(t, url)
		require.Equal(t, http.StatusOK, resp.StatusCode, url)
		require.NotEqual(t, "text/html", resp.Header.Get("Content-Type"), url)
	}
	for _, url := range truth.Broken {
		resp, _ := fetch(t, url)
		require.Equal(t, http.StatusNotFound, resp.StatusCode, url)
	}
	for from, to := range truth.Redirects {
		resp, _ := fetch(t, from)
		require.Equal(t, http.StatusMovedPermanently, resp.StatusCode)
		location, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, to, location.String())
	}
	require.Equal(t, []string{"127.0.0.1"}, s.Sources())
	require.Len(t, s.Log(), len(truth.Requested()))
}

func TestFileSite_StaysInItsDirectory(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret.html")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	dir := manual(t)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.html")))
	s := startedFiles(t, dir)
	for _, path := range []string{"link.html", "../secret.html", "%2e%2e/%2e%2e/etc/passwd"} {
		resp, body := fetch(t, s.URL(path))
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
		require.NotContains(t, body, "secret")
	}
	require.Error(t, NewFileSite(filepath.Join(dir, "absent"), FileOptions{}).Start(t.Context()))
}
