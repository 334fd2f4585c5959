package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Said is what a command line answered.
type Said struct {
	Exit        int
	Out, Errors string
}

// Run runs a program of a person with this fleet's environment, and input.
func (f *Fleet) Run(t testing.TB, input string, command ...string) Said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var out, errs bytes.Buffer
	c.Env, c.Dir, c.Stdin, c.Stdout, c.Stderr = f.environ(), f.Dir, strings.NewReader(input), &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), errors.Join(err, ctx.Err()), out.String(), errs.String())
	}
	return Said{Exit: c.ProcessState.ExitCode(), Out: out.String(), Errors: errs.String()}
}

// Crawlfleet runs our command line.
func (f *Fleet) Crawlfleet(t testing.TB, input string, args ...string) Said {
	t.Helper()
	return f.Run(t, input, append([]string{f.programs.Crawlfleet}, args...)...)
}

// TemporalCLI runs the stock command line as an operator types it.
func (f *Fleet) TemporalCLI(t testing.TB, args ...string) Said {
	t.Helper()
	ctx := append([]string{f.programs.Temporal}, args...)
	return f.Run(t, "", append(ctx, "--address", f.Temporal)...)
}

// OK wants an exit code of 0.
func (s Said) OK(t testing.TB) Said {
	t.Helper()
	require.Zero(t, s.Exit, "exit %d\n%s\n%s", s.Exit, s.Out, s.Errors)
	return s
}

// Into reads the output as JSON.
func (s Said) Into(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(s.Out), v), "%s\n%s", s.Out, s.Errors)
}

// Error reads the last error that our command line printed with -o json.
func (s Said) Error(t testing.TB) fleet.Error {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(s.Errors), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		var e fleet.Error
		if json.Unmarshal([]byte(lines[i]), &e) == nil && e.Code != "" {
			return e
		}
	}
	require.Fail(t, "no error was printed", "exit %d\n%s\n%s", s.Exit, s.Out, s.Errors)
	return fleet.Error{}
}
