package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// TestCommands_AllAreExplained: every command says what it does, and shows it.
func TestCommands_AllAreExplained(t *testing.T) {
	t.Parallel()
	root := newApp(nil, Stdio{Out: io.Discard, Err: io.Discard}).root()
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.NotEmpty(t, c.Long, c.CommandPath())
		require.NotEqual(t, c.Short, c.Long, c.CommandPath())
		if !c.HasSubCommands() {
			require.Contains(t, c.Example, "crawlfleet "+c.CommandPath()[len("crawlfleet "):], c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, "%s --%s", c.CommandPath(), f.Name) })
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	require.Greater(t, seen, 25)
}

func TestCommands_SayWhatAFlagTakes(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--max-pages=abc":    `--max-pages: "abc" is not valid|want: a whole number`,
		"--delay=5":          `--delay: "5" is not valid|want: a duration such as 90s or 1h30m`,
		"--dry-run=perhaps":  `--dry-run: "perhaps" is not valid|want: true or false`,
		"--extract=heading":  `--extract: "heading" is not valid|want: name=value`,
		"--max-cost=1 apple": "1 apple|--max-cost",
		"--output=xml":       "want text, json, jsonl, csv|--output",
		"--tenatn=demo":      "unknown flag: --tenatn|hint: crawlfleet ticket submit --help",
	} {
		got := runWith(t, program{}, "ticket", "submit", "https://a.example/", flag)
		require.Equal(t, exitUsage, got.code, flag)
		for part := range strings.SplitSeq(want, "|") {
			require.Contains(t, got.err, part, flag)
		}
		require.NotContains(t, got.err, "strconv")
	}
}
