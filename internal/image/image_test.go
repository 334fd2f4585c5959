package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/image"
)

// crawlerProgram compiles the crawler as the Makefile does.
func crawlerProgram(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), image.Crawler)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin,
		"github.com/crawlfleet/crawlfleet/workers/crawlfleet-crawler")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

func TestCrawler_IsSmallAndHoldsWhatItNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	program := crawlerProgram(t)
	i := image.Ours(filepath.Dir(program), "test")[0]
	var archive bytes.Buffer
	r, err := i.Write(&archive)
	require.NoError(t, err)
	layer, config := read(t, archive.Bytes())

	var files []string
	for _, h := range layer {
		files = append(files, fmt.Sprintf("%s %d:%d %s", h.FileInfo().Mode(), h.Uid, h.Gid, h.Name))
	}
	require.Equal(t, []string{
		"drwxr-xr-x 0:0 etc/", "drwxr-xr-x 0:0 etc/ssl/", "drwxr-xr-x 0:0 etc/ssl/certs/",
		"-rw-r--r-- 0:0 etc/ssl/certs/ca-certificates.crt", "-rwxr-xr-x 0:0 crawlfleet-crawler",
	}, files)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, []string{"/crawlfleet-crawler"}, config.Config.Entrypoint)
	require.Equal(t, []string{"USER=crawlfleet", "HOME=/"}, config.Config.Env)
	require.Empty(t, config.Config.Volumes)

	t.Logf("%d bytes packed, %d unpacked", r.Packed, r.Unpacked)
	require.LessOrEqual(t, r.Packed, int64(image.CrawlerPacked))
	require.LessOrEqual(t, r.Unpacked, int64(image.CrawlerUnpacked))
	require.Greater(t, r.Packed, int64(1<<20), "it was measured")
	require.Len(t, r.Files, len(files))

	var again bytes.Buffer
	_, err = i.Write(&again)
	require.NoError(t, err)
	require.True(t, bytes.Equal(archive.Bytes(), again.Bytes()), "the same program gives the same image")
}

func TestImage_IsTakenByTheEngineAndRuns(t *testing.T) {
	t.Parallel()
	engine, err := client.New(client.FromEnv)
	require.NoError(t, err)
	defer engine.Close()
	_, err = engine.Ping(t.Context(), client.PingOptions{})
	require.NoError(t, err, "this test needs a Docker engine that this user may reach: start dockerd (.ci/run does), or set DOCKER_HOST")
	i := image.Image{
		Ref: "crawlfleet-image-test:" + filepath.Base(t.TempDir()), Program: crawlerProgram(t), Data: "/var/lib/data",
	}
	i.Ref = strings.ToLower(i.Ref + filepath.Base(filepath.Dir(i.Program)) + fmt.Sprint(os.Getpid()))
	missing, err := image.Missing(t.Context(), engine, i.Ref)
	require.NoError(t, err)
	require.True(t, missing)
	_, err = i.Load(t.Context(), engine)
	require.NoError(t, err)
	defer func() {
		_, err := engine.ImageRemove(t.Context(), i.Ref, client.ImageRemoveOptions{Force: true})
		require.NoError(t, err)
	}()
	missing, err = image.Missing(t.Context(), engine, i.Ref)
	require.NoError(t, err)
	require.False(t, missing)

	made, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: i.Ref})
	require.NoError(t, err)
	defer func() {
		_, err := engine.ContainerRemove(t.Context(), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		require.NoError(t, err)
	}()
	wait := engine.ContainerWait(t.Context(), made.ID, client.ContainerWaitOptions{Condition: "next-exit"})
	_, err = engine.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	require.NoError(t, err)
	select {
	case end := <-wait.Result:
		require.EqualValues(t, 1, end.StatusCode, "it runs, and misses its environment")
	case err := <-wait.Error:
		require.NoError(t, err)
	}
}

func TestImage_RefusesAProgramThatNeedsMoreThanItself(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700))
	for program, want := range map[string]string{script: "no program for Linux", "/bin/ls": "dynamic linker"} {
		_, err := image.Image{Ref: "x:1", Program: program}.Write(io.Discard)
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
		require.ErrorContains(t, err, want)
	}
	_, err := image.Image{Ref: "x:1", Program: crawlerProgram(t), Authorities: "/nowhere.pem"}.Write(io.Discard)
	require.ErrorContains(t, err, "/nowhere.pem")
}

// config is what a test reads of an image's.
type config struct {
	Config struct {
		User       string
		Entrypoint []string
		Env        []string
		Volumes    map[string]any
	} `json:"config"`
}

// read takes an archive apart: the headers of its one layer, and its configuration.
func read(t *testing.T, archive []byte) (layer []*tar.Header, c config) {
	t.Helper()
	for outer := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := outer.Next()
		if errors.Is(err, io.EOF) {
			return layer, c
		}
		require.NoError(t, err)
		switch {
		case strings.HasSuffix(h.Name, "/layer.tar"):
			for inner := tar.NewReader(outer); ; {
				h, err := inner.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				layer = append(layer, h)
			}
		case h.Name != "manifest.json":
			require.NoError(t, json.NewDecoder(outer).Decode(&c))
		}
	}
}
