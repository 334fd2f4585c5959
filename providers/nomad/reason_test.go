package nomad_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestDescribe_SaysHowACrawlerEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	p := w.open(t)
	failing, killed := w.any(providertest.RoleFailing), w.any(providertest.RoleCrawler)
	for _, s := range []fleet.Spec{failing, killed} {
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
	}
	i := is(t, p, failing.Key, fleet.PhaseExited)
	require.Equal(t, "exit code 3", i.Reason)
	require.Equal(t, 3, *i.ExitCode)
	require.True(t, i.EndedAt.After(i.CreatedAt))

	require.NoError(t, syscall.Kill(w.Only(t, killed.GUID).PID, syscall.SIGKILL))
	i = is(t, p, killed.Key, fleet.PhaseExited)
	require.Equal(t, "killed by signal 9", i.Reason)
	require.Nil(t, i.ExitCode)

	o := w.options(t)
	o.Variables["command"] = "/nonexistent/crawlfleet-crawler"
	q, err := nomad.New(o)
	require.NoError(t, err)
	s := w.any(providertest.RoleCrawler)
	_, err = q.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Contains(t, is(t, q, s.Key, fleet.PhaseExited).Reason, "program not found: ")
}

// The docker driver, with the same specification.
func TestDocker_RunsEndsAndSaysWhy(t *testing.T) {
	t.Parallel()
	image := standinImage(t)
	w := newWorld(t, shared)
	o := w.options(t)
	o.Variables = map[string]string{"driver": "docker", "image": image, "cpu": "20", "memory": "32"}
	p, err := nomad.New(o)
	require.NoError(t, err)
	launch := func(p *nomad.Provider, role string) fleet.Spec {
		s := w.any(role)
		s.Env[providertest.EnvStarts] = "" // its file system is read-only
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		return s
	}
	s := launch(p, roleQuiet)
	is(t, p, s.Key, fleet.PhaseRunning)
	out := new(text)
	require.NoError(t, p.Logs(t.Context(), s.Key, out, false))
	require.Eventually(t, func() bool {
		require.NoError(t, p.Logs(t.Context(), s.Key, out, false))
		return strings.Contains(out.String(), "quiet as 65532")
	}, providertest.Patience, pollEvery, "it runs as nobody")
	gone(t, p, s.Key)

	i := is(t, p, launch(p, providertest.RoleFailing).Key, fleet.PhaseExited)
	require.Equal(t, "exit code 3", i.Reason)

	i = is(t, p, launch(p, roleGreedy).Key, fleet.PhaseExited)
	require.Equal(t, "out of memory, exit 137", i.Reason)
	require.Equal(t, 137, *i.ExitCode)

	o.Variables["image"] = "crawlfleet-test/none:1"
	q, err := nomad.New(o)
	require.NoError(t, err)
	require.Contains(t, is(t, q, launch(q, roleQuiet).Key, fleet.PhaseExited).Reason, "image not found: ")
}

// text is a buffer that two may use.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *text) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(b)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// standinImage builds an image of this test binary, which is linked statically.
func standinImage(t *testing.T) string {
	t.Helper()
	docker, err := exec.LookPath("docker")
	require.NoError(t, err, "these tests need a Docker Engine and its command line: apt-get install docker.io")
	dir := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	b, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "standin"), b, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"),
		[]byte("FROM scratch\nCOPY standin /standin\nUSER 65532\nENTRYPOINT [\"/standin\"]\n"), 0o600))
	tag := "crawlfleet-test/" + strings.ToLower(filepath.Base(filepath.Dir(dir))) + ":1"
	run := func(ctx context.Context, args ...string) {
		out, err := exec.CommandContext(ctx, docker, args...).CombinedOutput()
		require.NoError(t, err, "docker %s: %s", strings.Join(args, " "), out)
	}
	run(t.Context(), "build", "-q", "-t", tag, dir)
	t.Cleanup(func() { run(context.Background(), "rmi", "-f", tag) })
	return tag
}

func TestLogs_AreReadAndFollowedAndOutliveTheCrawler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	o := w.options(t)
	o.LogDir = filepath.Join(t.TempDir(), "made") // it need not be there
	p, err := nomad.New(o)
	require.NoError(t, err)
	s := w.any(providertest.RoleCrawler)
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Logs(t.Context(), s.Key, new(text), false)))
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	w.Only(t, s.GUID)

	out, done := new(text), make(chan error, 1)
	go func() { done <- p.Logs(t.Context(), s.Key, out, true) }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "standing in\n") },
		providertest.Patience, pollEvery)
	gone(t, p, s.Key)
	require.NoError(t, <-done, "following ends with the crawler")
	require.Equal(t, "standing in\ntold to end\n", out.String())

	again := new(text)
	require.NoError(t, p.Logs(t.Context(), s.Key, again, true))
	require.Equal(t, out.String(), again.String(), "its job is purged, and the log is still there")
	require.NoError(t, p.Purge(t.Context(), s.Key))
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Logs(t.Context(), s.Key, new(text), false)))
}
