package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

// program is what a command line runs with.
type program struct {
	stores   *stores
	helm     *helm
	in       string
	environ  []string
	terminal bool
	ctx      context.Context
	out      io.Writer // besides what runWith gives back
}

type outcome struct {
	code     int
	out, err string
}

// runWith runs one command line over a data directory of its own.
func runWith(t *testing.T, p program, args ...string) outcome {
	t.Helper()
	if p.stores == nil {
		p.stores = story()
	}
	if p.helm == nil {
		p.helm = &helm{}
	}
	if p.ctx == nil {
		p.ctx = t.Context()
	}
	home := t.TempDir()
	d, err := config.OpenDir(filepath.Join(home, "data"), thisRelease(), at)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.NoError(t, d.SetRunning(config.Running{Temporal: "127.0.0.1:7233", Namespace: "default", PID: 42, Started: at}))
	require.NoError(t, os.MkdirAll(d.Crawlers(), 0o700))
	require.NoError(t, os.WriteFile(d.CrawlerLog(guidB), []byte("line one\nline two\n"), 0o600))

	var out, problems bytes.Buffer
	environ := append([]string{
		"HOME=" + home, "TEMPORAL_CONFIG_FILE=/none", "CRAWLFLEET_DATA_DIR=" + d.Path,
	}, p.environ...)
	stdout := io.Writer(&out)
	if p.out != nil {
		stdout = io.MultiWriter(&out, p.out)
	}
	a := newApp(environ, Stdio{In: strings.NewReader(p.in), Out: stdout, Err: &problems})
	a.isTerminal = func(any) bool { return p.terminal }
	none := func() error { return nil }
	a.doors = doors{
		control: func(context.Context, *config.Dir, config.Config) (fleet.Reader, func() error, error) {
			return p.stores, none, nil
		},
		tenants: func(context.Context, *config.Dir, config.Config) (fleet.TenantReader, func() error, error) {
			return p.stores, none, nil
		},
		temporal: func(_ context.Context, o client.Options) (steering, func() error, error) {
			require.Equal(t, "127.0.0.1:7233", o.Address, "the running fleet is found")
			return p.helm, none, nil
		},
	}
	code := a.execute(p.ctx, args)
	return outcome{code: code, out: out.String(), err: strings.ReplaceAll(problems.String(), home, "HOME")}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, got, 0o644))
		return
	}
	want, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: go test ./starter/crawlfleet -update", name)
	}
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "go test ./starter/crawlfleet -update, if this is meant")
}

func TestRun_UsageErrorsExitWithTwoAndSayWhatIsWanted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"nonsense", "ticket nonsense", "ticket show", "ticket show a b", "--nonsense", "ticket list --limit many",
		"ticket list --state sleeping", "ticket submit", "ticket submit http://a/ -f -", "ticket submit -f - --id x",
		"tenant create", "tenant create a -f -", "tenant apply", "tenant delete demo", "completion", "completion tcsh",
		"-o xml version", "version extra",
	} {
		got := runWith(t, program{}, strings.Fields(args)...)
		require.Equal(t, exitUsage, got.code, args)
		require.Empty(t, got.out, args)
		require.Contains(t, got.err, "error [invalid]", args)
	}
	require.Contains(t, runWith(t, program{}, "ticket", "sumbit").err, "did you mean submit?")

	got := runWith(t, program{}, "ticket", "list", "--nonsense", "-o", "json")
	var e fleet.Error
	require.NoError(t, json.Unmarshal([]byte(got.err), &e))
	require.Contains(t, e.Message, "--nonsense")
	require.Equal(t, "crawlfleet ticket list --help", e.Hint)
}

func TestRun_ExitCodesFollowTheOutcome(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[fleet.Outcome]int{
		fleet.OutcomeDone: exitDone, fleet.OutcomeLimited: exitDone,
		fleet.OutcomeFailed: exitOutcome, fleet.OutcomeExpired: exitOutcome, fleet.OutcomeCancelled: exitOutcome,
	} {
		h := &helm{result: fleet.TicketResult{Ticket: "a", Outcome: outcome}}
		got := runWith(t, program{helm: h}, "ticket", "submit", "http://a.example/", "-t", "demo", "--wait", "-o", "json")
		require.Equal(t, want, got.code, "%s: %s", outcome, got.err)
		var result fleet.TicketResult
		require.NoError(t, json.Unmarshal([]byte(got.out), &result), "data stays alone on standard output")
		require.Equal(t, outcome, result.Outcome)
	}
	require.Equal(t, exitOutcome, runWith(t, program{}, "ticket", "watch", "failed-1").code)
	require.Equal(t, exitError, runWith(t, program{}, "ticket", "watch", "nobody").code)
	h := &helm{result: fleet.TicketResult{Outcome: fleet.OutcomeCancelled}}
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "ticket", "cancel", "running-1", "--wait").code, "as asked")
}
